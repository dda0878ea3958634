package localhttp

import (
	"strings"
	"unicode/utf8"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
)

// putSSM is PUT /parameters/ssm/{name…}.
func putSSM(s *Server, x *exchange) error {
	if err := s.writable(); err != nil {
		return err
	}
	ref := paramcache.Ref{Source: paramcache.SSM}
	set := paramcache.Setting{KMSKey: x.str("kms_key")}
	var err error
	if ref.Name, err = x.parameterName(); err != nil {
		return err
	}
	if set.Overwrite, err = x.flag("overwrite", false); err != nil {
		return err
	}
	if set.Type, err = x.word("type", "String", "StringList", "SecureString"); err != nil {
		return err
	}
	if set.Tier, err = x.word("tier", "Standard", "Advanced", "Intelligent-Tiering"); err != nil {
		return err
	}
	return s.write(x, ref, set)
}

// putSecret is PUT /parameters/secrets/{id…}.
func putSecret(s *Server, x *exchange) error {
	if err := s.writable(); err != nil {
		return err
	}
	ref := paramcache.Ref{Source: paramcache.Secrets}
	var err error
	if ref.Name, err = x.name(0, "secret id"); err != nil {
		return err
	}
	return s.write(x, ref, paramcache.Setting{KMSKey: x.str("kms_key")})
}

func (s *Server) writable() error {
	if !s.opt.Write {
		return s.fail(CodeWriteDisabled, "this function may read parameters, not write them")
	}
	return s.available()
}

// write stores the body under ref.
func (s *Server) write(x *exchange, ref paramcache.Ref, set paramcache.Setting) error {
	if err := x.place(&ref); err != nil {
		return err
	}
	body, err := s.readBody(x)
	if err != nil {
		return err
	}
	defer clear(body)
	if len(body) == 0 {
		return s.fail(CodeMissing, "the body is empty: it is the value")
	}
	media, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	binary := strings.EqualFold(strings.TrimSpace(media), "application/octet-stream") || !utf8.Valid(body)
	switch {
	case binary && ref.Source == paramcache.Secrets:
		set.Binary = append([]byte(nil), body...)
	case !utf8.Valid(body):
		return s.fail(CodeBadRequest, "the body is not UTF-8, and a parameter holds text only")
	default:
		set.Value = paramcache.Secret(body)
	}
	version, err := s.deps.Parameters.Set(x.r.Context(), ref, set)
	if err != nil {
		return err
	}
	x.out = append(x.out, `{"name":`...)
	x.out = wire.AppendString(x.out, ref.Name)
	x.out = append(x.out, `,"version":`...)
	x.out = appendVersion(x.out, version)
	x.out = append(x.out, `,"source":`...)
	x.out = append(wire.AppendString(x.out, string(ref.Source)), '}')
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(200, s.set.json)
}
