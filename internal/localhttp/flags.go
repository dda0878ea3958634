package localhttp

import (
	"errors"
	"strings"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/variants"
)

// getAppConfig is GET /parameters/appconfig/{app}/{env}/{profile}.
func getAppConfig(s *Server, x *exchange) error {
	ref, err := x.configuration()
	if err != nil {
		return err
	}
	return s.answerRead(x, ref)
}

// configuration is a ref of the three names in the path.
func (x *exchange) configuration() (paramcache.Ref, error) {
	ref := paramcache.Ref{Source: paramcache.AppConfig}
	for i, what := range [...]string{"application", "environment", "configuration profile"} {
		name, err := x.name(i, what)
		if err != nil {
			return ref, err
		}
		if strings.Contains(name, "/") {
			return ref, argumentError{CodeBadRequest, "the " + what + " in the path holds a slash"}
		}
		if i > 0 {
			ref.Name += "/"
		}
		ref.Name += name
	}
	return ref, nil
}

// pickFlags makes a value of the flags that are asked for: one flag is the
// object of its attributes, several are an object of such objects. Variants
// are chosen for a context, without names of all flags.
func pickFlags(known *variants.Documents, ref paramcache.Ref, v *paramcache.Value, flags []string, c variants.Context) (picked paramcache.Value, err error) {
	doc := v.Content()
	if picked = *v; len(flags) == 0 && !variants.Has(doc) {
		return picked, nil
	}
	picked.Binary, picked.IsText, picked.JSON, picked.ContentType = nil, true, true, "application/json"
	if variants.Has(doc) {
		text, err := known.Answer(ref.String(), doc, flags, c)
		switch {
		case len(flags) == 0 && errors.Is(err, variants.ErrNotFlags):
			return *v, nil // another text, in which Has saw its marks
		case err != nil:
			e := &paramcache.Error{Kind: paramcache.KindTransform, Ref: ref, Code: "BadFlags", Message: err.Error()}
			if _, unknown := errors.AsType[*variants.UnknownError](err); unknown {
				e.Kind, e.Code = paramcache.KindNotFound, "KeyNotFound"
			}
			return picked, e
		}
		picked.Text = paramcache.Secret(text)
		return picked, nil
	}
	if len(flags) == 1 {
		text, err := appendFlag(nil, ref, v, flags[0])
		picked.Text = paramcache.Secret(text)
		return picked, err
	}
	text := []byte{'{'}
	for i, flag := range flags {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(wire.AppendString(text, flag), ':')
		if text, err = appendFlag(text, ref, v, flag); err != nil {
			return picked, err
		}
	}
	picked.Text = paramcache.Secret(append(text, '}'))
	return picked, nil
}

// appendFlag appends one flag's value. A flag's name has no dot, which keeps
// it from being a path into the configuration.
func appendFlag(dst []byte, ref paramcache.Ref, v *paramcache.Value, flag string) ([]byte, error) {
	if flag == "" || strings.Contains(flag, ".") {
		return dst, badArgument("flag", "the key of a flag")
	}
	attributes, err := paramcache.Pick(ref, *v, flag)
	switch {
	case err != nil:
		return dst, err
	case attributes.JSON != nil:
		return append(dst, attributes.JSON...), nil
	}
	return wire.AppendString(dst, attributes.Text.Reveal()), nil
}

// flagContext is what variants are chosen by: the arguments context.NAME, on
// the agent's route its header.
func (x *exchange) flagContext() (variants.Context, error) {
	var c variants.Context
	if values := x.r.Header["Context"]; values != nil && x.route.Dialect == AppConfigAgent {
		c = variants.FromHeader(values)
	}
	args, err := x.contextArgs()
	for _, a := range args {
		if c == nil {
			c = variants.Context{}
		}
		if a.text || a.value != "null" {
			c[a.name] = a.value
		}
	}
	return c, err
}
