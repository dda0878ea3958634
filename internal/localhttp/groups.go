package localhttp

import (
	"slices"
	"strings"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
)

// errorsMember is where the answer to several names tells what failed; no
// value can have this name there.
const errorsMember = "_errors"

// maxNames bounds one request: more than that is a path, or two requests.
const maxNames = 100

// getSSMGroup is GET /parameters/ssm: all under ?path=, or each ?name=.
func getSSMGroup(s *Server, x *exchange) error {
	decrypt, err := x.flag("decrypt", s.opt.Decrypt)
	if err != nil {
		return err
	}
	recursive, err := x.flag("recursive", false)
	if err != nil {
		return err
	}
	asked := paramcache.Ref{Source: paramcache.SSM, Decrypt: decrypt}
	path, hasPath := x.arg("path")
	if !hasPath {
		if _, given := x.arg("recursive"); given {
			return argumentError{CodeBadArgument, "query argument recursive goes with path"}
		}
		return s.answerMany(x, asked, ref.ParameterName)
	}
	if _, given := x.arg("name"); given {
		return argumentError{CodeBadArgument, "query arguments path and name exclude each other"}
	}
	if _, given := x.arg("raise_on_error"); given {
		return argumentError{CodeBadArgument, "query argument raise_on_error goes with name: a path is read whole or not at all"}
	}
	if path.value == "" {
		return argumentError{CodeMissing, "query argument path is empty: want a path such as /app/"}
	}
	asked.Name, asked.Path, asked.Recursive = ref.ParameterPath(path.value), true, recursive
	return s.answerGroup(x, asked)
}

// getSecretGroup is GET /parameters/secrets: each ?name=.
func getSecretGroup(s *Server, x *exchange) error {
	return s.answerMany(x, paramcache.Ref{Source: paramcache.Secrets}, func(name string) string { return name })
}

// getDynamoDBGroup is GET /parameters/dynamodb/{table}?key=: all sort keys.
func getDynamoDBGroup(s *Server, x *exchange) error {
	ref, err := s.table(x)
	if err != nil {
		return err
	}
	if ref.Key = x.str("key"); ref.Key == "" {
		return argumentError{CodeMissing, "query argument key is missing: want the value of the partition key, whose sort keys are all read"}
	}
	ref.AllSorts = true
	return s.answerGroup(x, ref)
}

// answerGroup reads a group and answers an object of its members.
func (s *Server) answerGroup(x *exchange, ref paramcache.Ref) error {
	opt, err := x.readOptions(false)
	if err != nil {
		return err
	}
	if ref.Source == paramcache.SSM { // of DynamoDB's arguments, key is another
		opt.key = x.str("key")
	}
	if err = x.place(&ref); err != nil {
		return err
	}
	res, err := s.read(x, ref, opt.cache)
	if err != nil {
		return err
	}
	x.out = append(x.out, '{')
	for i := range res.Value.Members {
		v := &res.Value.Members[i]
		member := ref.Member(v.Name)
		if err := s.appendMember(x, i > 0, memberKey(ref, v.Name), member, v, &opt); err != nil {
			return err
		}
	}
	x.out = append(x.out, '}')
	return s.sendValue(x, s.set.json, &res)
}

// memberKey is a member's name in the answer: relative to the path, without
// the slash at its beginning.
func memberKey(group paramcache.Ref, name string) string {
	if !group.Path {
		return name
	}
	return strings.TrimLeft(strings.TrimPrefix(name, group.Name), "/")
}

// appendMember appends "key":value. A value that cannot be transformed is
// null, and the first reason stands in a header, unless errors are wanted.
func (s *Server) appendMember(x *exchange, more bool, key string, ref paramcache.Ref, v *paramcache.Value, opt *readOptions) error {
	x.ciphertext = x.ciphertext || isCiphertext(ref, v)
	value, err := contentOf(ref, v, opt)
	if err != nil {
		failure := s.asHTTP(err)
		failure.Detail = key + ": " + failure.ownWords()
		if !opt.lenient {
			return failure
		}
		if h := x.w.Header(); h["X-Powertools-Error"] == nil {
			h["X-Powertools-Error"] = []string{s.headerText(failure)}
		}
		value = content{null: true}
	}
	x.appendKey(more, key)
	x.out = value.appendJSON(x.out)
	return nil
}

func (x *exchange) appendKey(more bool, key string) {
	if more {
		x.out = append(x.out, ',')
	}
	x.out = append(wire.AppendString(x.out, key), ':')
}

// answerMany reads each ?name= and answers an object of them, in the order of
// the request. kind is a ref without a name; refine makes a ref's name of one
// that the caller wrote.
func (s *Server) answerMany(x *exchange, kind paramcache.Ref, refine func(string) string) error {
	opt, err := x.readOptions(false)
	if err != nil {
		return err
	}
	opt.key = x.str("key")
	raise, err := x.flag("raise_on_error", false)
	if err != nil {
		return err
	}
	if err = x.place(&kind); err != nil {
		return err
	}
	names, err := x.names()
	if err != nil {
		return err
	}
	if err = s.available(); err != nil {
		return err
	}
	refs := make([]paramcache.Ref, len(names))
	for i, name := range names {
		refs[i] = kind
		refs[i].Name = refine(name)
	}
	results, errs := s.deps.Parameters.GetMany(x.r.Context(), refs, opt.cache)
	if raise {
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			failure := s.asHTTP(errs[i])
			if !strings.Contains(failure.Detail, names[i]) {
				failure.Detail = names[i] + ": " + failure.Detail
			}
			return failure
		}
	}
	return s.appendMany(x, names, refs, results, errs, &opt)
}

// names are the arguments called name, without repetitions.
func (x *exchange) names() ([]string, error) {
	given := x.all("name")
	names := make([]string, 0, len(given))
	seen := make(map[string]bool, len(given))
	for _, name := range given {
		switch {
		case name == "":
			return nil, argumentError{CodeMissing, "query argument name is empty"}
		case name == errorsMember:
			return nil, argumentError{CodeBadArgument, "query argument name: " + errorsMember + " is where the answer tells what failed; read it alone"}
		case !seen[name]:
			seen[name] = true
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0 && x.route.takes("path"):
		return nil, argumentError{CodeMissing, "query argument path or name is missing"}
	case len(names) == 0:
		return nil, argumentError{CodeMissing, "query argument name is missing"}
	case len(names) > maxNames:
		return nil, argumentError{CodeBadArgument, "query argument name: want at most 100 names in one request"}
	}
	return names, nil
}

func (s *Server) appendMany(x *exchange, names []string, refs []paramcache.Ref, results []paramcache.Result, errs []error, opt *readOptions) error {
	var all paramcache.Result
	more := false
	x.out = append(x.out, '{')
	for i, name := range names {
		if errs[i] != nil {
			continue
		}
		if err := s.appendMember(x, more, name, refs[i], &results[i].Value, opt); err != nil {
			return err
		}
		more = true
		join(&all, &results[i])
	}
	x.out = s.appendErrors(x.out, more, names, errs)
	x.out = append(x.out, '}')
	all.State = paramcache.State(orElse(string(all.State), string(paramcache.Miss)))
	return s.sendValue(x, s.set.json, &all)
}

// appendErrors appends the member that tells what failed, if anything did.
func (s *Server) appendErrors(dst []byte, more bool, names []string, errs []error) []byte {
	first := true
	for i, name := range names {
		if errs[i] == nil {
			continue
		}
		failure := s.asHTTP(errs[i])
		if failure.Info.Code == CodeInternal {
			s.logInternal(errs[i])
		}
		switch {
		case !first:
			dst = append(dst, ',')
		case more:
			dst = append(dst, `,"`+errorsMember+`":{`...)
		default:
			dst = append(dst, `"`+errorsMember+`":{`...)
		}
		first = false
		dst = append(wire.AppendString(dst, name), `:{"code":`...)
		dst = wire.AppendString(dst, string(failure.Info.Code))
		dst = append(dst, `,"detail":`...)
		dst = append(wire.AppendString(dst, s.scrub(failure.Detail)), '}')
	}
	if !first {
		dst = append(dst, '}')
	}
	return dst
}

// join makes one state and age of those of several values: the least cached
// state, the greatest age.
func join(all, one *paramcache.Result) {
	if rank(one.State) > rank(all.State) {
		all.State, all.Err = one.State, one.Err
	}
	all.Age = max(all.Age, one.Age)
}

func rank(state paramcache.State) int {
	order := [...]paramcache.State{"", paramcache.Hit, paramcache.Coalesced, paramcache.Refreshed, paramcache.Miss, paramcache.Stale}
	return slices.Index(order[:], state)
}
