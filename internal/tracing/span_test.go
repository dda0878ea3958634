package tracing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/tracing"
)

var update = flag.Bool("update", false, "write the golden files")

func began() time.Time { return time.Unix(1796070341, 655_468_250).UTC() }

func invocation() *tracing.Invocation {
	return &tracing.Invocation{
		Handler: "app.handler", Service: "shop", RequestID: "8a2e4d5f-0001-4000-8000-000000000001",
		ARN: "arn:aws:lambda:eu-central-1:123456789012:function:shop", Trigger: "other", ColdStart: true,
	}
}

func success() *tracing.Span {
	return &tracing.Span{
		Root: root, ID: "0123456789abcdef", Parent: parent, Name: "## app.handler", Kind: tracing.Internal,
		Start: began(), End: began().Add(1500 * time.Microsecond), Invocation: invocation(),
	}
}

func spans() map[string]*tracing.Span {
	captured := success()
	captured.Response = []byte(`{"ok":true,"big":12345678901234567890}`)
	failed := success()
	failed.Fault = true
	failed.Exception = &tracing.Exception{Type: "ValueError", Message: "no stock", Frames: []tracing.Frame{{Path: "/var/task/app.py", Line: 6, Label: "handler"}, {Label: "of another form"}}}
	timeout := success()
	timeout.Fault, timeout.Exception = true, &tracing.Exception{Type: "Timeout", Message: "the function timed out"}
	refused := success()
	refused.Kind, refused.HTTPStatus, refused.Invocation.Trigger = tracing.Server, 429, "http"
	broken := success()
	broken.Kind, broken.HTTPStatus, broken.Invocation.Trigger = tracing.Server, 503, "http"
	missing := success()
	missing.Kind, missing.HTTPStatus, missing.Invocation.Trigger = tracing.Server, 404, "http"
	child := &tracing.Span{Root: root, ID: "fedcba9876543210", Parent: "0123456789abcdef", Name: "idempotency", Start: began(), End: began().Add(time.Millisecond)}
	answered := success()
	answered.Attributes = []tracing.Attribute{{Key: "AnsweredBy", Value: "idempotency"}}
	odd := success()
	odd.Name = "## com.example.Höhe::$get\x00\xff" + strings.Repeat("ü", 300)
	return map[string]*tracing.Span{
		"success": success(), "captured": captured, "failed": failed, "timeout": timeout, "refused": refused, "broken": broken,
		"missing": missing, "child": child, "answered": answered, "odd": odd,
	}
}

// Every document is valid by X-Ray's own page, and stands in a golden file.
func TestXRayDocuments(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("testdata/xray_subsegment.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	exception := regexp.MustCompile(`("exceptions":\[\{"id":")[0-9a-f]{16}`)
	for name, s := range spans() {
		t.Run(name, func(t *testing.T) {
			datagram, err := tracing.AppendXRay(nil, s)
			if err != nil {
				t.Fatal(err)
			}
			frame, document, _ := bytes.Cut(datagram, []byte("\n"))
			if string(frame) != `{"format":"json","version":1}` {
				t.Errorf("frame %s", frame)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
			if err != nil {
				t.Fatalf("%v in %s", err, document)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%v\n%s", err, document)
			}
			golden(t, "testdata/xray_"+name+".json", exception.ReplaceAll(document, []byte("${1}eeeeeeeeeeeeeeee")))
		})
	}
}

func TestOTLPSpans(t *testing.T) {
	for name, s := range spans() {
		t.Run(name, func(t *testing.T) {
			text, err := tracing.AppendOTLP(nil, s)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(text) || bytes.IndexByte(text, '\n') >= 0 {
				t.Errorf("not JSON on one line: %s", text)
			}
			golden(t, "testdata/otlp_"+name+".json", text)
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// What does not fit loses response and stack first, then what else may go;
// what does not fit even then is not sent.
func TestTooLarge(t *testing.T) {
	control := func(n int) string { return strings.Repeat("\x01", n) } // six bytes of JSON each
	s := success()
	s.Response, _ = json.Marshal(strings.Repeat("r", 16<<10))
	s.Exception = &tracing.Exception{Type: "E", Message: "m", Frames: []tracing.Frame{{Label: control(16 << 10)}}}
	s.Attributes = []tracing.Attribute{{Key: "AnsweredBy", Value: "idempotency"}}
	d, err := tracing.AppendXRay(nil, s)
	if err != nil || bytes.Contains(d, []byte("rrr")) || bytes.Contains(d, []byte(`"stack"`)) || !bytes.Contains(d, []byte("AnsweredBy")) || !bytes.Contains(d, []byte(`"message":"m"`)) {
		t.Errorf("%v: %d bytes", err, len(d))
	}
	s.Attributes[0].Value = control(16 << 10)
	if d, err = tracing.AppendXRay([]byte("kept"), s); err != nil || bytes.Contains(d, []byte("AnsweredBy")) || !bytes.HasPrefix(d, []byte("kept{")) {
		t.Errorf("%v: %d bytes", err, len(d))
	}
	s.Invocation.Service = control(16 << 10)
	if d, err = tracing.AppendXRay([]byte("kept"), s); !errors.Is(err, tracing.ErrTooLarge) || string(d) != "kept" {
		t.Errorf("%v: %d bytes", err, len(d))
	}
	if d, err = tracing.AppendOTLP(nil, s); err != nil || len(d) > 200_000 {
		t.Errorf("%v: %d bytes", err, len(d))
	}
}

// A span never makes a document that is no JSON, whatever it says.
func FuzzDocuments(f *testing.F) {
	f.Add("name", "message", "key", int64(1796070341655468250))
	f.Fuzz(func(t *testing.T, name, message, label string, at int64) {
		s := success()
		s.Name, s.Start, s.Invocation.Service, s.Invocation.Handler = name, time.Unix(0, at), message, label
		s.Exception = &tracing.Exception{Type: name, Message: message, Frames: []tracing.Frame{{Label: label, Path: name}}}
		if d, err := tracing.AppendXRay(nil, s); err == nil {
			if _, document, _ := bytes.Cut(d, []byte("\n")); !json.Valid(document) || len(d) > 65507 {
				t.Errorf("%q", d)
			}
		}
		if d, err := tracing.AppendOTLP(nil, s); err == nil && !json.Valid(d) {
			t.Errorf("%q", d)
		}
	})
}

func BenchmarkDocuments(b *testing.B) {
	s := success()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = tracing.AppendXRay(buf[:0], s)
		buf, _ = tracing.AppendOTLP(buf[:0], s)
	}
}
