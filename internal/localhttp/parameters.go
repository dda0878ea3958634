package localhttp

import (
	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
)

// readOptions are the arguments that all of our parameter routes share.
type readOptions struct {
	cache     paramcache.Options
	transform paramcache.TransformKind
	key       string // path into a JSON value; empty: the whole
	lenient   bool   // a failed transform gives null instead of an error
}

// readOptions reads them. raise is the default of raise_on_transform_error.
func (x *exchange) readOptions(raise bool) (opt readOptions, err error) {
	if opt.cache.MaxAge, err = x.seconds("max_age"); err != nil {
		return opt, err
	}
	if opt.cache.Force, err = x.flag("force_fetch", false); err != nil {
		return opt, err
	}
	transform, err := x.word("transform", "json", "binary", "auto")
	if err != nil {
		return opt, err
	}
	opt.transform = paramcache.TransformKind(transform)
	if raise, err = x.flag("raise_on_transform_error", raise); err != nil {
		return opt, err
	}
	opt.lenient = !raise
	return opt, nil
}

// place adds region and role to a ref.
func (x *exchange) place(ref *paramcache.Ref) (err error) {
	if ref.Region, err = x.region(); err != nil {
		return err
	}
	ref.RoleARN, err = x.role("role_arn")
	return err
}

func getSSM(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.SSM, Version: x.str("version"), Label: x.str("label")}
	var err error
	if ref.Name, err = x.parameterName(); err != nil {
		return err
	}
	if ref.Version != "" && !isDigits(ref.Version) {
		return badArgument("version", "a version number")
	}
	if ref.Version != "" && ref.Label != "" {
		return argumentError{CodeBadArgument, "query arguments version and label exclude each other"}
	}
	if ref.Decrypt, err = x.flag("decrypt", s.opt.Decrypt); err != nil {
		return err
	}
	return s.answerRead(x, ref)
}

func getSecret(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.Secrets, Version: x.str("version_id"), Label: x.str("version_stage")}
	var err error
	if ref.Name, err = x.name(0, "secret id"); err != nil {
		return err
	}
	return s.answerRead(x, ref)
}

func getDynamoDB(s *Server, x *exchange) error {
	ref, err := s.table(x)
	if err != nil {
		return err
	}
	if ref.Key, err = x.name(1, "key"); err != nil {
		return err
	}
	if ref.Sort = x.str("sort"); ref.Sort == "" {
		ref.SortAttr = "" // one entry for the item, whatever the unused attribute is called
	}
	return s.answerRead(x, ref)
}

// table is a ref to a table, with the attributes of its layout.
func (s *Server) table(x *exchange) (ref paramcache.Ref, err error) {
	ref = paramcache.Ref{
		Source:    paramcache.DynamoDB,
		KeyAttr:   orElse(x.str("key_attr"), s.opt.KeyAttr),
		SortAttr:  orElse(x.str("sort_attr"), s.opt.SortAttr),
		ValueAttr: orElse(x.str("value_attr"), s.opt.ValueAttr),
	}
	if ref.Name, err = x.name(0, "table name"); err != nil {
		return ref, err
	}
	if ref.Consistent, err = x.flag("consistent", false); err != nil {
		return ref, err
	}
	if ref.Item, err = x.flag("item", false); err != nil {
		return ref, err
	}
	if ref.Item {
		ref.ValueAttr = "" // one entry for the item, whichever attribute was named
	}
	return ref, nil
}

// answerRead reads ref and answers in our own format.
func (s *Server) answerRead(x *exchange, ref paramcache.Ref) error {
	opt, err := x.readOptions(true)
	if err != nil {
		return err
	}
	opt.cache.IfVersion = x.str("refresh_if_version")
	opt.key = x.str("key")
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	if err = x.place(&ref); err != nil {
		return err
	}
	res, err := s.read(x, ref, opt.cache)
	if err != nil {
		return err
	}
	x.ciphertext = isCiphertext(ref, &res.Value)
	c, err := x.flagContext()
	if err != nil {
		return err
	}
	if flags := x.all("flag"); len(flags)+len(c) > 0 {
		if res.Value, err = pickFlags(&s.variants, ref, &res.Value, flags, c); err != nil {
			return err
		}
	}
	value, err := contentOf(ref, &res.Value, &opt)
	if err != nil {
		if !opt.lenient {
			return err
		}
		x.w.Header()["X-Powertools-Error"] = []string{s.headerText(s.asHTTP(err))}
		value = content{null: true}
	}
	if x.text {
		x.out = value.appendBare(x.out)
		return s.sendValue(x, s.mediaOf(&value), &res)
	}
	x.out = appendAnswer(x.out, ref, &res.Value, &value)
	return s.sendValue(x, s.set.json, &res)
}

// available is an error when there is no cache to ask.
func (s *Server) available() error {
	if s.deps.Parameters == nil || s.opt.Unavailable != "" {
		return s.fail(CodeUnavailable, orElse(s.opt.Unavailable, "parameters are switched off"))
	}
	return nil
}

// read asks the cache, unless there is nothing to ask.
func (s *Server) read(x *exchange, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	if err := s.available(); err != nil {
		return paramcache.Result{}, err
	}
	x.asked = question{ref, opt}
	return s.deps.Parameters.Get(x.r.Context(), ref, opt)
}

func (s *Server) mediaOf(value *content) []string {
	if value.binary != nil {
		return s.set.octets
	}
	return s.set.text
}

// appendVersion appends the version, or null where the service has none: of an
// item, of a configuration without a label, of a secret behind a parameter.
func appendVersion(dst []byte, version string) []byte {
	if version == "" {
		return append(dst, "null"...)
	}
	return wire.AppendString(dst, version)
}

// appendAnswer appends {"name","value","version","source"}, and what was done
// to the value where something was.
func appendAnswer(dst []byte, ref paramcache.Ref, v *paramcache.Value, value *content) []byte {
	dst = append(dst, `{"name":`...)
	dst = wire.AppendString(dst, orElse(v.Name, ref.Name))
	dst = append(dst, `,"value":`...)
	dst = value.appendJSON(dst)
	dst = append(dst, `,"version":`...)
	dst = appendVersion(dst, v.Version)
	dst = append(dst, `,"source":`...)
	dst = wire.AppendString(dst, string(ref.Source))
	if v.ContentType != "" {
		dst = append(dst, `,"content_type":`...)
		dst = wire.AppendString(dst, v.ContentType)
	}
	if value.transform != "" {
		dst = append(dst, `,"transform":`...)
		dst = wire.AppendString(dst, string(value.transform))
	}
	if value.encoded() {
		dst = append(dst, `,"encoding":"base64"`...)
	}
	return append(dst, '}')
}
