package localhttp

import (
	"errors"
	"net/http"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/schema"
	"powertools-extension/internal/taskfile"
)

// document reads the body as JSON.
func (s *Server) document(x *exchange) (jmes.Value, error) {
	body, err := s.readBody(x)
	if err != nil {
		return jmes.Value{}, err
	}
	v, err := jmes.Parse(body)
	if err != nil {
		return v, s.fail(CodeNotJSON, "the body is not JSON in UTF-8, or nested more than 1000 levels")
	}
	return v, nil
}

// postJMESPath is POST /jmespath?expression=…: the result, or with text a
// string as it is.
func postJMESPath(s *Server, x *exchange) error {
	text := x.str("expression")
	if text == "" {
		return argumentError{CodeMissing, "the query argument expression is missing"}
	}
	var err error
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	e, err := s.expressions.get(text, jmes.Compile)
	if err != nil {
		return s.fail(CodeBadExpression, err.Error())
	}
	doc, err := s.document(x)
	if err != nil {
		return err
	}
	result, err := e.Search(doc)
	if err != nil {
		return s.fail(CodeExpressionFailed, err.Error())
	}
	x.w.Header()["Cache-Control"] = s.set.noStore
	if x.text && result.Kind() == jmes.String {
		x.out = append(x.out, result.Str()...)
		return x.send(http.StatusOK, s.set.text)
	}
	x.out = result.Append(x.out)
	return sendEither(s, x)
}

// postDecode is POST /events/decode: the records of an event of AWS's, made
// readable.
func postDecode(s *Server, x *exchange) error {
	body, err := s.readBody(x)
	if err != nil {
		return err
	}
	if x.out, err = awsdecode.Append(x.out, body); err != nil {
		return s.fail(CodeNotJSON, "the body is not JSON in UTF-8, or nested more than 1000 levels")
	}
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(http.StatusOK, s.set.json)
}

// postValidate is POST /validate with {"schema", "data", "envelope"?}.
func postValidate(s *Server, x *exchange) error {
	var err error
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	body, err := s.document(x)
	if err != nil {
		return err
	}
	if body.Kind() != jmes.Object || !hasMember(body, "data") || !hasMember(body, "schema") {
		return s.fail(CodeMissing, `the body must be {"schema": …, "data": …}`)
	}
	compiled, err := s.schemaOf(body.Field("schema"))
	if err != nil {
		return err
	}
	data := body.Field("data")
	if envelope := body.Field("envelope"); envelope.Kind() != jmes.Null {
		e, err := s.envelopes.get(envelope.Str(), awsdecode.CompileEnvelope)
		if err != nil {
			return s.fail(CodeBadEnvelope, err.Error())
		}
		if data, err = e.Search(data); err != nil {
			return s.fail(CodeBadEnvelope, err.Error())
		}
	}
	failures, more := compiled.Validate(data)
	x.out = schema.AppendVerdict(x.out, failures, more, x.text)
	return sendEither(s, x)
}

// sendEither sends text where it is wanted, else JSON.
func sendEither(s *Server, x *exchange) error {
	if x.text {
		return x.send(http.StatusOK, s.set.text)
	}
	return x.send(http.StatusOK, s.set.json)
}

// The bounds of a schema that a caller sends or names.
const (
	maxInlineSchema = 256 << 10
	maxInlineDepth  = 64
)

// schemaOf compiles the schema of a request: itself, or the name of a file.
func (s *Server) schemaOf(v jmes.Value) (*schema.Schema, error) {
	if v.Kind() == jmes.String {
		return s.schemaFile(v.Str())
	}
	text := string(v.Append(nil))
	if len(text) > maxInlineSchema || v.Depth() > maxInlineDepth {
		return nil, s.fail(CodeBadSchema, "an inline schema may have 256 KiB and 64 levels; name a file for more")
	}
	compiled, err := s.schemas.get(text, func(text string) (*schema.Schema, error) {
		v, err := jmes.Parse([]byte(text))
		if err != nil {
			return nil, err
		}
		return schema.Compile(v, schema.Options{Formats: s.opt.Formats})
	})
	if err != nil {
		return nil, s.fail(CodeBadSchema, err.Error())
	}
	return compiled, nil
}

// schemaFile compiles a file below the task root, and what it refers to beside
// it.
func (s *Server) schemaFile(name string) (*schema.Schema, error) {
	read := func(name string) ([]byte, error) { return taskfile.Read(s.opt.TaskRoot(), name) }
	text, err := read(name)
	if err != nil {
		return nil, s.fail(CodeUnknownSchema, "there is "+err.Error())
	}
	name = taskfile.Relative(s.opt.TaskRoot(), name)
	compiled, err := s.schemas.get(name+"\x00"+string(text), func(string) (*schema.Schema, error) {
		v, err := jmes.Parse(text)
		if err != nil {
			return nil, errors.New("the file is not JSON")
		}
		return schema.Compile(v, schema.Options{Name: name, Load: read, Formats: s.opt.Formats})
	})
	if err != nil {
		return nil, s.fail(CodeBadSchema, err.Error())
	}
	return compiled, nil
}
