package lambdaemu

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu/internal/child"
)

const telemetryPath = "/2022-07-01/telemetry"

func subscriptionBody(change ...string) string {
	body := `{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":100},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/telemetry","method":"POST","encoding":"JSON"}}`
	return strings.NewReplacer(change...).Replace(body)
}

// Answers to the subscription (behaviours 9 and 10).
// [DOC:telemetry-api-reference] [LMI:aws-lambda-rie/internal/telemetry]
func TestSubscribeAnswers(t *testing.T) {
	refuse := func(message string) string {
		return `{"errorType":"ValidationError","errorMessage":"` + message + `"}`
	}
	const notReal = "sandbox.localdomain:8080"
	tests := []struct {
		name   string
		body   string
		status int
		want   string
	}{
		{"accepted", subscriptionBody(), 200, `"OK"`},
		{"short host", subscriptionBody("sandbox.localdomain", "sandbox"), 200, `"OK"`},
		{"first schema", subscriptionBody("2022-12-13", "2022-07-01"), 200, `"OK"`},
		{"newest schema", subscriptionBody("2022-12-13", "2025-01-29"), 200, `"OK"`},
		{"defaults", `{"schemaVersion":"2022-12-13","types":["extension"],"destination":{"protocol":"HTTP","URI":"http://sandbox:1"}}`, 200, `"OK"`},
		{"two problems", subscriptionBody(":8080", "", `"platform","function"`, ""), 400,
			refuse("URI port is not provided; types should not be empty")},
		{"other host", subscriptionBody(notReal, "127.0.0.1:8080"), 400, refuse("destination.URI host must be sandbox.localdomain")},
		{"localhost", subscriptionBody(notReal, "localhost:8080"), 400, refuse("destination.URI host must be sandbox.localdomain")},
		{"https", subscriptionBody("http://", "https://"), 400, refuse("destination.URI is not valid")},
		{"port out of range", subscriptionBody("8080", "70000"), 400, refuse("URI port is not valid")},
		{"unknown type", subscriptionBody(`"function"`, `"metrics"`), 400, refuse("type 'metrics' is not supported")},
		{"unknown schema", subscriptionBody("2022-12-13", "2020-08-15"), 400, refuse("schemaVersion '2020-08-15' is not supported")},
		{"unknown protocol", subscriptionBody(`"HTTP"`, `"UDP"`), 400, refuse("destination.protocol 'UDP' is not supported")},
		{"items too small", subscriptionBody("1000,", "999,"), 400, refuse("buffering.maxItems should be between 1000 and 10000")},
		{"bytes too large", subscriptionBody("262144", "1048577"), 400, refuse("buffering.maxBytes should be between 262144 and 1048576")},
		{"timeout too short", subscriptionBody(":100}", ":24}"), 400, refuse("buffering.timeoutMs should be between 25 and 30000")},
		{"no JSON", "{", 400, refuse("Failed to parse JSON: unexpected end of JSON input")},
		{"TCP without listener", `{"schemaVersion":"2022-12-13","types":["function"],"destination":{"protocol":"TCP","port":1}}`, 400,
			refuse("Invalid destination: could not TCP dial provided address 127.0.0.1:1")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newAPIRig(t)
			r.want(r.do("PUT", telemetryPath, tt.body, "Lambda-Extension-Identifier", r.register()), tt.status, tt.want)
		})
	}
}

// The window closes when everybody has called /next (behaviour 9).
// [RIE:rapid/handlers.go doRuntimeDomainInit] [opentelemetry-lambda PR #1452]
func TestSubscriptionWindow(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	r.runtimeNext()
	r.next(id)
	r.awaitState(agentReady)
	r.want(r.do("PUT", telemetryPath, subscriptionBody(), "Lambda-Extension-Identifier", id), 403,
		`{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}`+"\n")
}

// [LMI:aws-lambda-rie/internal/telemetry/relay.go errSubscriberAlreadyExist]
func TestSecondSubscriptionIsAnError(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	r.do("PUT", telemetryPath, subscriptionBody(), "Lambda-Extension-Identifier", id)
	r.want(r.do("PUT", telemetryPath, subscriptionBody(), "Lambda-Extension-Identifier", id), 500,
		`{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`+"\n")
}

// What the subscription faults answer (behaviour 9).
// [DOC:telemetry-api-reference] [RIE:rapi/handler/runtimelogs_stub.go]
func TestSubscribeFaults(t *testing.T) {
	tests := []struct {
		fault, schema string
		status        int
		want          string
	}{
		{"telemetry-202", "2022-12-13", 202, `{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}` + "\n"},
		{"telemetry-400", "2022-12-13", 400, `{"errorMessage":"injected fault","errorType":"ValidationError"}` + "\n"},
		{"telemetry-403", "2022-12-13", 403, `{"errorMessage":"Unknown extension","errorType":"Extension.UnknownExtensionIdentifier"}` + "\n"},
		{"telemetry-500", "2022-12-13", 500, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}` + "\n"},
		{"telemetry-closed", "2022-12-13", 403, `{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}` + "\n"},
		{"telemetry-silent", "2022-12-13", 200, `"OK"`},
		{"schema-old", "2025-01-29", 400, `{"errorMessage":"schemaVersion '2025-01-29' is not supported","errorType":"ValidationError"}` + "\n"},
		{"schema-old", "2022-12-13", 200, `"OK"`},
	}
	for _, tt := range tests {
		t.Run(tt.fault+" "+tt.schema, func(t *testing.T) {
			r := newAPIRig(t, tt.fault)
			body := subscriptionBody("2022-12-13", tt.schema)
			r.want(r.do("PUT", telemetryPath, body, "Lambda-Extension-Identifier", r.register()), tt.status, tt.want)
		})
	}
}

// A TCP destination gets one event per line. [DOC:telemetry-api]
func TestTCPDestination(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := newAPIRig(t)
	body := fmt.Sprintf(`{"schemaVersion":"2022-12-13","types":["function"],"buffering":{"timeoutMs":25},"destination":{"protocol":"TCP","port":%d}}`,
		ln.Addr().(*net.TCPAddr).Port)
	r.want(r.do("PUT", telemetryPath, body, "Lambda-Extension-Identifier", r.register()), 200, `"OK"`)
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.box.out.printProcess(OriginFunction, "", child.Message{Text: "one", Time: time.Now()})
	r.box.out.printProcess(OriginFunction, "", child.Message{Text: "two", Time: time.Now()})
	buf := make([]byte, 1000)
	var got string
	for strings.Count(got, "\n") < 2 {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	for i, want := range []string{`"type":"function","record":"one\n"}`, `"type":"function","record":"two\n"}`} {
		if line := strings.Split(got, "\n")[i]; !strings.HasPrefix(line, `{"time":"`) || !strings.HasSuffix(line, want) {
			t.Errorf("line %d: %s", i, line)
		}
	}
}

func FuzzSubscription(f *testing.F) {
	f.Add(subscriptionBody())
	f.Add(`{"buffering":{"maxItems":1e99},"destination":{"URI":"http://[::1"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var req subscription
		if json.Unmarshal([]byte(body), &req) != nil {
			return
		}
		if len(req.problems()) == 0 {
			if b := req.wish("shim", "Text", nil); b.MaxItems < 1000 || b.MaxBytes < 262144 || b.Timeout <= 0 {
				t.Errorf("accepted limits %+v", b)
			}
		}
	})
}
