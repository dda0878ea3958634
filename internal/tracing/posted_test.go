package tracing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/tracing"
)

func TestParseError(t *testing.T) {
	for _, c := range []struct {
		name, posted string
		want         *tracing.Exception
	}{
		{"Python", `{"errorMessage": "no stock", "errorType": "ValueError", "requestId": "1", "stackTrace": ["  File \"/var/task/app.py\", line 6, in handler\n    raise ValueError(\"no stock\")\n"]}`,
			&tracing.Exception{Type: "ValueError", Message: "no stock", Frames: []tracing.Frame{{Path: "/var/task/app.py", Line: 6, Label: "handler"}}}},
		{"Node", `{"errorType":"RangeError","errorMessage":"out","trace":["RangeError: out","    at Runtime.handler (/var/task/index.js:3:9)","    at /var/task/index.js:7:1"]}`,
			&tracing.Exception{Type: "RangeError", Message: "out", Frames: []tracing.Frame{{Label: "RangeError: out"}, {Path: "/var/task/index.js", Line: 3, Label: "Runtime.handler"}, {Path: "/var/task/index.js", Line: 7}}}},
		{"Java", `{"errorMessage":"no","errorType":"java.lang.IllegalStateException","stackTrace":["com.example.Handler.handle(Handler.java:12)","java.base/java.lang.Thread.run(Unknown Source)"]}`,
			&tracing.Exception{Type: "java.lang.IllegalStateException", Message: "no", Frames: []tracing.Frame{{Path: "Handler.java", Line: 12, Label: "com.example.Handler.handle"}, {Label: "java.base/java.lang.Thread.run(Unknown Source)"}}}},
		{"Ruby", `{"errorMessage":"no","errorType":"Function<StandardError>","stackTrace":["/var/task/app.rb:4:in 'Object#handler'"]}`,
			&tracing.Exception{Type: "Function<StandardError>", Message: "no", Frames: []tracing.Frame{{Path: "/var/task/app.rb", Line: 4, Label: "Object#handler"}}}},
		{"dotnet", `{"errorType":"Exception","errorMessage":"no","stackTrace":["at Shop.Function.Handler(String s) in /src/Function.cs:line 9"]}`,
			&tracing.Exception{Type: "Exception", Message: "no", Frames: []tracing.Frame{{Path: "/src/Function.cs", Line: 9, Label: "Shop.Function.Handler(String s)"}}}},
		{"Go", `{"errorMessage":"no","errorType":"errorString","stackTrace":[{"path":"main.go","line":7,"label":"handler"}]}`,
			&tracing.Exception{Type: "errorString", Message: "no", Frames: []tracing.Frame{{Path: "main.go", Line: 7, Label: "handler"}}}},
		{"a stack of one text", `{"errorType":"E","stackTrace":"one\ntwo"}`,
			&tracing.Exception{Type: "E", Frames: []tracing.Frame{{Label: "one"}, {Label: "two"}}}},
		{"odd kinds", `{"errorType":7,"errorMessage":null,"stackTrace":[1,null,{"path":3},[]]}`,
			&tracing.Exception{Type: "7", Frames: []tracing.Frame{{Path: "3"}}}},
		{"both stacks, the second empty", `{"errorType":"E","trace":["one"],"stackTrace":[]}`,
			&tracing.Exception{Type: "E", Frames: []tracing.Frame{{Label: "one"}}}},
		{"broken off", `{"errorType":"E","errorMessage":"m","stackTrace":["a`, &tracing.Exception{Type: "E", Message: "m"}},
		{"lone surrogate", `{"errorType":"E\ud800","errorMessage":"\u0000"}`, &tracing.Exception{Type: "E\uFFFD", Message: "\x00"}},
		{"a text", `"failed"`, nil},
		{"nothing", ``, nil},
		{"an object that says nothing", `{"a":1}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, tracing.ParseError([]byte(c.posted))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseCause(t *testing.T) {
	const cause = `{"working_directory": "/var/task", "exceptions": [{"type": "ValueError", "message": "no stock", "stack": [{"label": "handler", "path": "app.py", "line": 6}]}, {"type": "Second"}], "paths": ["app.py"]}`
	want := &tracing.Exception{Type: "ValueError", Message: "no stock", Frames: []tracing.Frame{{Path: "app.py", Line: 6, Label: "handler"}}}
	if diff := cmp.Diff(want, tracing.ParseCause([]byte(cause))); diff != "" {
		t.Error(diff)
	}
	for _, none := range []string{"", "x", `{"exceptions":7}`, `{"exceptions":[]}`, `{"exceptions":[7]}`, `{"exceptions":[{`, `[]`} {
		if got := tracing.ParseCause([]byte(none)); got != nil {
			t.Errorf("%q: %+v", none, got)
		}
	}
}

// A stack is bounded in bytes and lines, a message in bytes.
func TestErrorsAreBounded(t *testing.T) {
	lines := make([]string, 5000)
	for i := range lines {
		lines[i] = strings.Repeat("é", 100)
	}
	posted, _ := json.Marshal(map[string]any{"errorType": strings.Repeat("T", 9000), "errorMessage": strings.Repeat("é", 90_000), "stackTrace": lines})
	e := tracing.ParseError(posted)
	bytes := 0
	for _, f := range e.Frames {
		bytes += len(f.Label) + len(f.Path)
	}
	if bytes > tracing.MaxStack || len(e.Frames) == 0 || len(e.Message) > 5000 || len(e.Type) > 300 || strings.Contains(e.Message, "\uFFFD") {
		t.Errorf("%d bytes in %d frames, message %d, type %d", bytes, len(e.Frames), len(e.Message), len(e.Type))
	}
}

func FuzzParseError(f *testing.F) {
	f.Add([]byte(`{"errorType":"E","errorMessage":"m","stackTrace":["  File \"a\", line 1, in b","at c (d:1:2)",{"path":"p","line":1}]}`))
	f.Add([]byte(`{"exceptions":[{"type":"E","stack":[{"line":1}]}]}`))
	f.Fuzz(func(t *testing.T, posted []byte) {
		tracing.ParseError(posted)
		tracing.ParseCause(posted)
	})
}
