package localhttp

import (
	"strings"

	"powertools-extension/internal/paramcache"
)

// readOptions are the arguments that all of our parameter routes share.
type readOptions struct {
	cache     paramcache.Options
	transform paramcache.TransformKind
	key       string // path into a JSON value; empty: the whole
	lenient   bool   // a failed transform gives null instead of an error
}

func (x *exchange) readOptions() (opt readOptions, err error) {
	if opt.cache.MaxAge, err = x.seconds("max_age"); err != nil {
		return opt, err
	}
	if opt.cache.Force, err = x.flag("force_fetch", false); err != nil {
		return opt, err
	}
	opt.cache.IfVersion = x.str("refresh_if_version")
	transform, err := x.word("transform", "json", "binary", "auto")
	if err != nil {
		return opt, err
	}
	opt.transform = paramcache.TransformKind(transform)
	opt.key = x.str("key")
	raise, err := x.flag("raise_on_transform_error", true)
	if err != nil {
		return opt, err
	}
	opt.lenient = !raise
	x.text, err = x.wantsText()
	return opt, err
}

func getSSM(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.SSM, Version: x.str("version"), Label: x.str("label")}
	var err error
	if ref.Name, err = x.name(0, "parameter name"); err != nil {
		return err
	}
	ref.Name = ssmName(ref.Name)
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

// ssmName gives a hierarchical name back the slash that the URL's path took:
// SSM demands one in front of a name that has levels. An ARN has it inside.
func ssmName(name string) string {
	if name[0] == '/' || strings.HasPrefix(name, "arn:") || !strings.Contains(name, "/") {
		return name
	}
	return "/" + name
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
	x.joinTableARN()
	ref := paramcache.Ref{
		Source: paramcache.DynamoDB, Sort: x.str("sort"),
		KeyAttr:   orElse(x.str("key_attr"), s.opt.KeyAttr),
		ValueAttr: orElse(x.str("value_attr"), s.opt.ValueAttr),
	}
	var err error
	if ref.Name, err = x.name(0, "table name"); err != nil {
		return err
	}
	if ref.Key, err = x.name(1, "key"); err != nil {
		return err
	}
	if ref.Consistent, err = x.flag("consistent", false); err != nil {
		return err
	}
	if ref.Item, err = x.flag("item", false); err != nil {
		return err
	}
	if ref.Sort != "" {
		ref.SortAttr = orElse(x.str("sort_attr"), s.opt.SortAttr)
	}
	if ref.Item {
		ref.ValueAttr = "" // one entry for the item, whichever attribute was named
	}
	return s.answerRead(x, ref)
}

// joinTableARN moves the table's name from the key to the table when the
// table is an ARN whose slash was not escaped: arn:…:table/flags/key.
func (x *exchange) joinTableARN() {
	if strings.HasPrefix(x.vars[0], "arn:") && strings.HasSuffix(x.vars[0], ":table") {
		table, key, _ := strings.Cut(x.vars[1], "/")
		x.vars[0], x.vars[1] = x.vars[0]+"/"+table, key
	}
}

// answerRead reads ref and answers in our own format.
func (s *Server) answerRead(x *exchange, ref paramcache.Ref) error {
	opt, err := x.readOptions()
	if err != nil {
		return err
	}
	if ref.Region, err = x.region(); err != nil {
		return err
	}
	res, err := s.read(x, ref, opt.cache)
	if err != nil {
		return err
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

// read asks the cache, unless there is nothing to ask.
func (s *Server) read(x *exchange, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	if s.deps.Parameters == nil || s.opt.Unavailable != "" {
		return paramcache.Result{}, s.fail(CodeUnavailable, orElse(s.opt.Unavailable, "parameters are switched off"))
	}
	return s.deps.Parameters.Get(x.r.Context(), ref, opt)
}

func (s *Server) mediaOf(value *content) []string {
	if value.binary != nil {
		return s.set.octets
	}
	return s.set.text
}

// appendAnswer appends {"name","value","version","source"}, and what was done
// to the value where something was.
func appendAnswer(dst []byte, ref paramcache.Ref, v *paramcache.Value, value *content) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendString(dst, orElse(v.Name, ref.Name))
	dst = append(dst, `,"value":`...)
	dst = value.appendJSON(dst)
	dst = append(dst, `,"version":`...)
	dst = appendString(dst, v.Version)
	dst = append(dst, `,"source":`...)
	dst = appendString(dst, string(ref.Source))
	if value.transform != "" {
		dst = append(dst, `,"transform":`...)
		dst = appendString(dst, string(value.transform))
	}
	if value.encoded() {
		dst = append(dst, `,"encoding":"base64"`...)
	}
	return append(dst, '}')
}
