package localhttp

import (
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/flags"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
)

// FeatureFlags is where the flag routes find their document, unless a request
// names another place.
type FeatureFlags struct {
	Ref      *paramcache.Ref  // nil: each request names one
	Envelope *jmes.Expression // of Ref's document; nil: the whole
	MaxAge   *time.Duration   // how long a document is fresh; nil: as parameters
}

// The bounds of one question.
const (
	maxFeature      = 512      // bytes of a feature's name
	maxContext      = 64 << 10 // bytes of a context
	maxContextDepth = 64
)

// flagQuestion is what a request asks of a document.
type flagQuestion struct {
	doc     *flags.Document // nil: there is none, and the defaults count
	res     paramcache.Result
	context flags.Context
}

// getFlag is GET /flags/{name…}: the context stands in the query.
func getFlag(s *Server, x *exchange) error {
	members, err := x.contextMembers()
	if err != nil {
		return err
	}
	fallback, err := x.json("default")
	if err != nil {
		return err
	}
	return s.answerFlag(x, "{"+strings.Join(members, ",")+"}", fallback)
}

// contextMembers makes JSON members of the arguments context.NAME. A value
// that is a JSON number, true, false or null is one; context.s:NAME is always
// a string.
func (x *exchange) contextMembers() ([]string, error) {
	args, err := x.contextArgs()
	var members []string
	for _, a := range args {
		value := string(wire.AppendString(nil, a.value))
		if v, err := jmes.Parse([]byte(a.value)); err == nil && !a.text && v.Kind() <= jmes.Number {
			value = strings.TrimSpace(a.value)
		}
		members = append(members, string(wire.AppendString(nil, a.name))+":"+value)
	}
	return members, err
}

// contextArg is an argument context.NAME, or with text context.s:NAME.
type contextArg struct {
	name, value string
	text        bool
}

func (x *exchange) contextArgs() ([]contextArg, error) {
	var args []contextArg
	for _, a := range x.args {
		name, ok := strings.CutPrefix(a.name, "context.")
		if !ok {
			continue
		}
		name, text := strings.CutPrefix(name, "s:")
		if slices.ContainsFunc(args, func(other contextArg) bool { return other.name == name }) {
			return nil, argumentError{CodeBadArgument, "a member of the context is given twice"}
		}
		args = append(args, contextArg{name, a.value, text})
	}
	return args, nil
}

// json returns an argument that is a JSON value; what is none is a string.
func (x *exchange) json(name string) (string, error) {
	a, ok := x.arg(name)
	switch {
	case !ok:
		return "", nil
	case a.bare || a.value == "":
		return "", badArgument(name, "a value")
	}
	if _, err := jmes.Parse([]byte(a.value)); err == nil {
		return a.value, nil
	}
	return string(wire.AppendString(nil, a.value)), nil
}

// postFlag is POST /flags/{name…} with {"context":{…},"default":any}.
func postFlag(s *Server, x *exchange) error {
	if _, err := x.wantsText(); err != nil {
		return err
	}
	body, err := s.flagBody(x)
	if err != nil {
		return err
	}
	context, fallback := "{}", ""
	if c := body.Field("context"); c.Kind() != jmes.Null {
		context = string(c.Append(nil))
	}
	if hasMember(body, "default") {
		fallback = string(body.Field("default").Append(nil))
	}
	return s.answerFlag(x, context, fallback)
}

func hasMember(v jmes.Value, name string) bool {
	return slices.ContainsFunc(v.Members(), func(m jmes.Member) bool { return m.Name == name })
}

// flagBody reads the body, once the arguments are known to be right.
func (s *Server) flagBody(x *exchange) (jmes.Value, error) {
	if _, _, err := s.flagPlace(x); err != nil {
		return jmes.Value{}, err
	}
	text, err := s.readBody(x)
	if err != nil {
		return jmes.Value{}, err
	}
	body, err := jmes.Parse(text)
	if err != nil || body.Kind() != jmes.Object {
		return jmes.Value{}, s.fail(CodeFlagBody, "the body is no JSON object")
	}
	return body, nil
}

// answerFlag answers with the value of one feature.
func (s *Server) answerFlag(x *exchange, context, fallback string) error {
	name, err := x.name(0, "feature's name")
	if err != nil {
		return err
	}
	if len(name) > maxFeature {
		return argumentError{CodeBadRequest, "the feature's name in the path is longer than 512 bytes"}
	}
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	q, err := s.askFlags(x, context)
	if err != nil {
		return err
	}
	result := flags.Result{Value: []byte(fallback), Reason: flags.Store}
	if q.doc != nil {
		var known bool
		if result, known = q.doc.Evaluate(name, q.context, time.Now()); !known {
			result = flags.Result{Value: []byte(fallback), Reason: flags.Missing}
		}
	}
	if len(result.Value) == 0 {
		result.Value = []byte("null")
	}
	if x.text {
		x.out = append(x.out, result.Value...)
		return s.sendValue(x, s.set.text, &q.res)
	}
	dst := append(x.out, `{"name":`...)
	dst = wire.AppendString(dst, name)
	dst = append(append(dst, `,"value":`...), result.Value...)
	dst = append(dst, `,"reason":`...)
	dst = wire.AppendString(dst, string(result.Reason))
	if result.Reason == flags.ByRule {
		dst = append(dst, `,"rule":`...)
		dst = wire.AppendString(dst, result.Rule)
	}
	x.out = append(s.appendFlagVersion(dst, &q), '}')
	return s.sendValue(x, s.set.json, &q.res)
}

func (s *Server) appendFlagVersion(dst []byte, q *flagQuestion) []byte {
	dst = append(dst, `,"version":`...)
	if v := q.res.Value.Version; v != "" {
		return wire.AppendString(dst, v)
	}
	return append(dst, "null"...)
}

// postFlags is POST /flags: several features at once, and which are enabled.
func postFlags(s *Server, x *exchange) error {
	body, err := s.flagBody(x)
	if err != nil {
		return err
	}
	context := "{}"
	if c := body.Field("context"); c.Kind() != jmes.Null {
		context = string(c.Append(nil))
	}
	q, err := s.askFlags(x, context)
	if err != nil {
		return err
	}
	defaults := body.Field("defaults")
	names, err := s.flagNames(body, &q)
	if err != nil {
		return err
	}
	now := time.Now()
	dst := append(x.out, `{"values":{`...)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(wire.AppendString(dst, name), ':')
		if q.doc != nil {
			if r, known := q.doc.Evaluate(name, q.context, now); known {
				dst = append(dst, r.Value...)
				continue
			}
		}
		dst = defaults.Field(name).Append(dst)
	}
	dst = append(dst, `},"enabled":`...)
	enabled := []string{}
	if q.doc != nil {
		enabled = q.doc.Enabled(q.context, now)
	}
	dst = wire.AppendStrings(dst, enabled)
	x.out = append(s.appendFlagVersion(dst, &q), '}')
	return s.sendValue(x, s.set.json, &q.res)
}

// flagNames are those that the body names, else all that the document has.
func (s *Server) flagNames(body jmes.Value, q *flagQuestion) ([]string, error) {
	var names []string
	if list := body.Field("names"); list.Kind() != jmes.Null {
		for _, e := range list.Elements() {
			if e.Kind() != jmes.String || len(e.Str()) > maxFeature {
				return nil, s.fail(CodeFlagBody, "names must be a list of strings of at most 512 bytes")
			}
			names = append(names, e.Str())
		}
		if list.Kind() != jmes.Array {
			return nil, s.fail(CodeFlagBody, "names must be a list of strings")
		}
		return names, nil
	}
	if q.doc != nil {
		for _, f := range q.doc.Features() {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// getFlags is GET /flags: what the document has, without its values.
func getFlags(s *Server, x *exchange) error {
	q, err := s.flagDocument(x, false)
	if err != nil {
		return err
	}
	dst := append(x.out, `{"features":[`...)
	for i, f := range q.doc.Features() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = wire.AppendString(dst, f.Name)
		dst = append(dst, `,"type":`...)
		dst = wire.AppendString(dst, f.Type)
		dst = append(dst, `,"rules":`...)
		dst = append(wire.AppendInt(dst, f.Rules), '}')
	}
	x.out = append(s.appendFlagVersion(append(dst, ']'), &q), '}')
	return s.sendValue(x, s.set.json, &q.res)
}

// askFlags reads the document and the context.
func (s *Server) askFlags(x *exchange, context string) (flagQuestion, error) {
	if len(context) > maxContext {
		return flagQuestion{}, s.fail(CodeFlagBody, "the context is longer than 64 KiB")
	}
	v, err := jmes.Parse([]byte(context))
	if err != nil || v.Depth() > maxContextDepth {
		return flagQuestion{}, s.fail(CodeFlagBody, "the context is nested more than 64 levels, or no JSON")
	}
	c, ok := flags.NewContext(v)
	if !ok {
		return flagQuestion{}, s.fail(CodeFlagBody, "the context must be a JSON object")
	}
	q, err := s.flagDocument(x, true)
	q.context = c
	return q, err
}

// flagDocument finds the document that a request asks. With lenient a failed
// fetch is no error: the question has no document, and the answer says so.
func (s *Server) flagDocument(x *exchange, lenient bool) (q flagQuestion, err error) {
	place, opt, err := s.flagPlace(x)
	if err != nil {
		return q, err
	}
	if q.res, err = s.read(x, *place.Ref, opt); err != nil {
		switch s.asHTTP(err).Info.Code {
		case CodeAccessDenied, CodeUnavailable, CodeInternal:
			return q, err // a default would hide a mistake that only people can mend
		}
		if !lenient {
			return q, err
		}
		q.res = paramcache.Result{State: paramcache.Stale, Err: err}
		return q, nil
	}
	key, envelope := place.Ref.String(), ""
	if place.Envelope != nil {
		envelope = place.Envelope.String()
	}
	doc, news, err := s.documents.Compile(key+"\n"+envelope, q.res.Value.Content(), place.Envelope)
	if err == nil {
		q.doc = doc
		return q, nil
	}
	refusal := s.fail(CodeBadFlags, err.Error())
	if news {
		s.log.Error("a feature flag document cannot be used; the last good version stays in force", zap.String("ref", key), zap.Bool("have_one", doc != nil), zap.Error(err))
	}
	if doc == nil {
		return q, refusal
	}
	q.doc, q.res.State, q.res.Err = doc, paramcache.Stale, refusal
	return q, nil
}

// FlagsRef reads what names a document: APP/ENV/PROFILE of AppConfig, or any
// ref whose value is JSON.
func FlagsRef(text string) (paramcache.Ref, error) {
	if r, err := ref.ParseWith(text, ref.Ref{Decrypt: true}); err == nil && !r.Group() {
		return r, nil
	}
	return ref.Parse("appconfig:" + text)
}

// flagPlace is the configured document, or the one the request names, and how
// it is read.
func (s *Server) flagPlace(x *exchange) (place FeatureFlags, opt paramcache.Options, err error) {
	place = s.opt.FeatureFlags
	opt = paramcache.Options{MaxAge: place.MaxAge, StaleOK: true}
	if given, err := x.seconds("max_age"); err != nil {
		return place, opt, err
	} else if given != nil {
		opt.MaxAge = given
	}
	if opt.Force, err = x.flag("force_fetch", false); err != nil {
		return place, opt, err
	}
	var elsewhere ref.Ref // region and role
	if err = x.place(&elsewhere); err != nil {
		return place, opt, err
	}
	if source := x.str("source"); source != "" {
		r, err := FlagsRef(source)
		if err != nil {
			return place, opt, badArgument("source", "appconfig:APP/ENV/PROFILE, ssm:/name or secret:ID")
		}
		place.Ref, place.Envelope = &r, nil
	}
	if place.Ref == nil {
		return place, opt, argumentError{CodeMissing, "no document is configured (POWERTOOLS_FEATURE_FLAGS), and the query argument source is missing"}
	}
	if envelope := x.str("envelope"); envelope != "" {
		if place.Envelope, err = s.expressions.get(envelope, jmes.Compile); err != nil {
			return place, opt, argumentError{CodeBadArgument, "query argument envelope: " + err.Error()}
		}
	}
	named := *place.Ref
	if elsewhere.Region != "" {
		named.Region = elsewhere.Region
	}
	if elsewhere.RoleARN != "" {
		named.RoleARN = elsewhere.RoleARN
	}
	place.Ref = &named
	return place, opt, nil
}
