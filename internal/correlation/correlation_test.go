package correlation_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/correlation"
	"powertools-extension/internal/jmes"
)

const (
	restEvent  = `{"resource":"/o","httpMethod":"POST","headers":{},"requestContext":{"requestId":"rest-1","httpMethod":"POST"},"body":"{}"}`
	httpEvent  = `{"version":"2.0","requestContext":{"http":{"method":"GET"},"requestId":"http-1"}}`
	urlEvent   = `{"version":"2.0","requestContext":{"http":{"method":"GET"},"domainName":"x.lambda-url.eu-west-1.on.aws","requestId":"url-1"}}`
	tokenEvent = `{"type":"REQUEST","methodArn":"arn:aws:execute-api:x","requestContext":{"requestId":"auth-1"}}`
	syncEvent  = `{"info":{"fieldName":"order"},"request":{"headers":{"x-amzn-trace-id":"Root=1-5759e988-bd862e3fe1be46a994272793"}}}`
	albEvent   = `{"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","headers":{"x-amzn-trace-id":"Root=1-a-b"}}`
	albMulti   = `{"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","multiValueHeaders":{"x-amzn-trace-id":["Root=1-a-c"]}}`
	lattice2   = `{"version":"2.0","requestContext":{"serviceNetworkArn":"arn"},"headers":{"x-amzn-trace-id":["Root=1-a-d"]}}`
	lattice1   = `{"raw_path":"/","query_string_parameters":{},"headers":{"x-amzn-trace-id":"Root=1-a-e"}}`
	busEvent   = `{"version":"0","id":"ev-1","detail-type":"Order","source":"shop","detail":{"id":"no"}}`
	cronEvent  = `{"id":"cron-1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`
	s3lEvent   = `{"xAmzRequestId":"s3-1","getObjectContext":{}}`
	queueOne   = `{"Records":[{"messageId":"m-1","body":"x","eventSource":"aws:sqs"}]}`
	queueTwo   = `{"Records":[{"messageId":"m-1","body":"x","eventSource":"aws:sqs"},{"messageId":"m-2","body":"y","eventSource":"aws:sqs"}]}`
	topicEvent = `{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"n-1","Message":"x"}}]}`
	s3Event    = `{"Records":[{"eventSource":"aws:s3","s3":{}}]}`
)

func TestFind(t *testing.T) {
	for _, tc := range []struct{ name, path, event, want string }{
		{"rest", "API_GATEWAY_REST", restEvent, "rest-1"},
		{"http", "API_GATEWAY_HTTP", httpEvent, "http-1"},
		{"function url", "LAMBDA_FUNCTION_URL", urlEvent, "url-1"},
		{"appsync authorizer", "APPSYNC_AUTHORIZER", `{"authorizationToken":"x","requestContext":{"requestId":"sync-1"}}`, "sync-1"},
		{"appsync resolver", "APPSYNC_RESOLVER", syncEvent, "Root=1-5759e988-bd862e3fe1be46a994272793"},
		{"alb", "APPLICATION_LOAD_BALANCER", albEvent, "Root=1-a-b"},
		{"lattice, a header is a list", "VPC_LATTICE", lattice2, "Root=1-a-d"},
		{"event bridge", "EVENT_BRIDGE", busEvent, "ev-1"},
		{"object lambda", "S3_OBJECT_LAMBDA", s3lEvent, "s3-1"},
		{"another source", "API_GATEWAY_REST", queueOne, ""},

		{"auto rest", "auto", restEvent, "rest-1"},
		{"auto http", "auto", httpEvent, "http-1"},
		{"auto url", "auto", urlEvent, "url-1"},
		{"auto authorizer", "auto", tokenEvent, "auth-1"},
		{"auto appsync", "auto", syncEvent, "Root=1-5759e988-bd862e3fe1be46a994272793"},
		{"auto alb", "auto", albEvent, "Root=1-a-b"},
		{"auto alb multi", "auto", albMulti, "Root=1-a-c"},
		{"auto lattice 2", "auto", lattice2, "Root=1-a-d"},
		{"auto lattice 1", "auto", lattice1, "Root=1-a-e"},
		{"auto bus", "auto", busEvent, "ev-1"},
		{"auto schedule", "auto", cronEvent, "cron-1"},
		{"auto object lambda", "auto", s3lEvent, "s3-1"},
		{"auto one message", "auto", queueOne, "m-1"},
		{"auto two messages", "auto", queueTwo, ""},
		{"auto no message", "auto", `{"Records":[]}`, ""},
		{"auto topic", "auto", topicEvent, "n-1"},
		{"auto s3", "auto", s3Event, ""},
		{"auto of a user's event", "auto", `{"id":"mine"}`, ""},

		{"path", "detail.order", `{"detail":{"order":"o-1"}}`, "o-1"},
		{"path into a body", "powertools_json(body).id", `{"body":"{\"id\":\"o-2\"}"}`, "o-2"},
		{"big number", "id", `{"id":12345678901234567890123}`, "12345678901234567890123"},
		{"number as written", "id", `{"id":1.50e2}`, "1.50e2"},
		{"truth", "id", `{"id":true}`, "true"},
		{"null", "id", `{"id":null}`, ""},
		{"empty", "id", `{"id":""}`, ""},
		{"missing", "id", `{}`, ""},
		{"object", "id", `{"id":{"a":"secret"}}`, ""},
		{"list", "id", `{"id":["a","b"]}`, ""},
		{"list of one", "id", `{"id":["a"]}`, "a"},
		{"list of one object", "id", `{"id":[{"a":1}]}`, ""},
		{"last of two", "id", `{"id":"a","id":"b"}`, "b"},
		{"escapes", "id", `{"id":"caf\u00e9 \ud83d\ude00"}`, "café 😀"},
		{"line breaks", "id", `{"id":"a\nb\r\u2028c\u0000\u0085d\u007f"}`, "abcd"},
		{"half a surrogate pair", "id", `{"id":"a\ud83d"}`, "a���"},
		{"not JSON", "id", `id=1`, ""},
		{"nothing", "id", ``, ""},
		{"not UTF-8", "id", "{\"id\":\"a\xff\"}", ""},
		{"array", "id", `[{"id":1}]`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := correlation.Compile(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Find([]byte(tc.event), awsevent.Recognise([]byte(tc.event)).Name)
			if err != nil || got != tc.want {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestIDsAreCut(t *testing.T) {
	p, err := correlation.Compile("id")
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{"x", "é", "😀", "\\n", "\\u00e9"} {
		got, err := p.Find([]byte(`{"id":"`+strings.Repeat(unit, 1<<20/len(unit))+`"}`), "")
		if err != nil || len(got) > correlation.MaxBytes || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, %v", unit, len(got), err)
		}
		if unit != "\\n" && len(got) < correlation.MaxBytes-3 {
			t.Errorf("%s: only %d bytes are left", unit, len(got))
		}
	}
}

func TestFailures(t *testing.T) {
	_, err := correlation.Compile("a.[")
	var syntax *jmes.SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("no position: %v", err)
	}
	p, err := correlation.Compile("starts_with(id, 'a')")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Find([]byte(`{"id":{"secret":"canary"}}`), ""); err == nil || got != "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMisspelt(t *testing.T) {
	for text, want := range map[string]string{
		"API_GATEWAY_RST": "API_GATEWAY_REST", "event_bridge": "EVENT_BRIDGE", "AUTO": "auto", "EVENTBRIDGE": "EVENT_BRIDGE",
		"auto": "", "EVENT_BRIDGE": "", "id": "", "detail.id": "", "ORDER": "",
	} {
		if got := correlation.Misspelt(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, event := range []string{restEvent, queueOne, queueTwo, albMulti, `{"id":"a\ud83d"}`} {
		f.Add("auto", []byte(event))
		f.Add("requestContext.requestId || id || Records[0].messageId", []byte(event))
	}
	f.Fuzz(func(t *testing.T, path string, event []byte) {
		p, err := correlation.Compile(path)
		if err != nil {
			return
		}
		got, _ := p.Find(event, awsevent.Recognise(event).Name)
		if len(got) > correlation.MaxBytes || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\u2028") {
			t.Errorf("%q", got)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for _, path := range []string{"auto", "requestContext.requestId"} {
		p, err := correlation.Compile(path)
		if err != nil {
			b.Fatal(err)
		}
		event := []byte(`{"resource":"/o","httpMethod":"POST","headers":{"a":"` + strings.Repeat("x", 800) + `"},"requestContext":{"requestId":"rest-1"},"body":"{}"}`)
		source := awsevent.Recognise(event).Name
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if id, _ := p.Find(event, source); id != "rest-1" {
					b.Fatal(id)
				}
			}
		})
	}
}
