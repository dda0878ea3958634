package jmes

import "testing"

// TestEnvelopes: each name finds the payload in an event of its source.
func TestEnvelopes(t *testing.T) {
	const s3 = `{\"Records\":[{\"s3\":1}]}`
	for _, c := range []struct{ name, event, want string }{
		{"API_GATEWAY_REST", `{"body":"{\"id\":1}"}`, `{"id":1}`},
		{"API_GATEWAY_HTTP", `{"body":"{\"id\":1}"}`, `{"id":1}`},
		{"SQS", `{"Records":[{"body":"{\"id\":1}"},{"body":"2"}]}`, `[{"id":1},2]`},
		{"SNS", `{"Records":[{"Sns":{"Message":"{\"id\":1}"}}]}`, `{"id":1}`},
		{"EVENTBRIDGE", `{"detail":{"id":1}}`, `{"id":1}`},
		{"CLOUDWATCH_EVENTS_SCHEDULED", `{"detail":{}}`, `{}`},
		{"KINESIS_DATA_STREAM", `{"Records":[{"kinesis":{"data":"eyJpZCI6MX0="}}]}`, `[{"id":1}]`},
		{"S3_SQS", `{"Records":[{"body":"` + s3 + `"}]}`, `[{"s3":1}]`},
		{"S3_SNS_SQS", `{"Records":[{"body":"{\"Message\":\"{\\\"Records\\\":[{\\\"s3\\\":1}]}\"}"}]}`, `[{"s3":1}]`},
		{"S3_EVENTBRIDGE_SQS", `{"Records":[{"body":"{\"detail\":{\"s3\":1}}"}]}`, `[{"s3":1}]`},
		{"S3_KINESIS_FIREHOSE", `{"records":[{"data":"eyJSZWNvcmRzIjpbeyJzMyI6MX1dfQ=="}]}`, `[{"s3":1}]`},
	} {
		e, err := CompileEnvelope(c.name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Search(mustParse(t, c.event))
		if err != nil || string(got.Append(nil)) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, got.Append(nil), err, c.want)
		}
	}
	for _, e := range Envelopes() {
		if _, err := CompileEnvelope(e.Name); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	if e, err := CompileEnvelope("detail.id"); err != nil || e.String() != "detail.id" {
		t.Errorf("an expression: %v, %v", e, err)
	}
}

func mustParse(t *testing.T, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
