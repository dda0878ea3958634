package awsdecode

import (
	"testing"

	"powertools-extension/internal/jmes"
)

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
		{"SQS_RECORD", `{"Records":[{"body":"{\"id\":9007199254740993, \"b\":\"\\u00e9\", \"a\":1e2}"}]}`, `{"id":9007199254740993,"b":"\u00e9","a":1e2}`},
		{"SNS_SQS_RECORD", `{"Records":[{"body":"{\"Type\":\"Notification\",\"Message\":\"{\\\"id\\\":1}\"}"}]}`, `{"id":1}`},
		{"KINESIS_RECORD", `{"Records":[{"kinesis":{"data":"eyJpZCI6MX0="}}]}`, `{"id":1}`},
		{"DYNAMODB_NEW_IMAGE", `{"Records":[{"dynamodb":{"NewImage":{"n":{"N":"9007199254740993.10"},"s":{"S":"é"},"b":{"BOOL":false},"z":{"NULL":true},"l":{"L":[{"N":"1"},{"M":{"x":{"S":"y"}}}]},"ss":{"SS":["b","a"]},"ns":{"NS":["2","1e3"]},"bin":{"B":"AAE="},"bs":{"BS":["AAE="]},"m":{"M":{}}}}}]}`,
			`{"n":9007199254740993.10,"s":"é","b":false,"z":null,"l":[1,{"x":"y"}],"ss":["b","a"],"ns":[2,1e3],"bin":"AAE=","bs":["AAE="],"m":{}}`},
		{"DYNAMODB_OLD_IMAGE", `{"Records":[{"dynamodb":{"OldImage":{"id":{"S":"1"}}}}]}`, `{"id":"1"}`},
		{"DYNAMODB_OLD_IMAGE", `{"Records":[{"dynamodb":{"NewImage":{"id":{"S":"1"}}}}]}`, `null`},
		{"KAFKA_VALUE", `{"records":{"t-1":[{"value":"MQ=="},{"value":"Mg=="}],"a-0":[{"value":"eyJpZCI6MX0="}]}}`, `[1,2,{"id":1}]`},
		{"BODY", `{"body":"{\"id\":1}","isBase64Encoded":false}`, `{"id":1}`},
		{"BODY", `{"body":"eyJpZCI6MX0=","isBase64Encoded":true}`, `{"id":1}`},
		{"BODY", `{"raw_path":"/","body":"eyJpZCI6MX0=","is_base64_encoded":true}`, `{"id":1}`},
		{"BODY", `{"body":"false","isBase64Encoded":false}`, `false`},
		{"BODY", `{"httpMethod":"GET","body":null}`, `null`},
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
	for _, e := range BuiltIns() {
		if _, err := CompileEnvelope(e.Name); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	if e, err := CompileEnvelope("detail.id"); err != nil || e.String() != "detail.id" {
		t.Errorf("an expression: %v, %v", e, err)
	}
}

// TestEnvelopesRefuse: what an envelope of ours cannot take is an error that
// holds nothing of the event.
func TestEnvelopesRefuse(t *testing.T) {
	for _, c := range []struct{ name, event, want string }{
		{"SQS_RECORD", `{"Records":[{"body":"1"},{"body":"2"}]}`, "the envelope is for one record, and the event has several: switch batch on, or let the event source send one"},
		{"SQS_RECORD", `{"Records":[{"body":"secret"}]}`, "powertools_json(): the string is not JSON"},
		{"KINESIS_RECORD", `{"Records":[{"kinesis":{"data":"/w=="}}]}`, "powertools_base64(): the result is not UTF-8"},
		{"DYNAMODB_NEW_IMAGE", `{"Records":[{"dynamodb":{"NewImage":{"n":{"N":"secret"}}}}]}`, "the image is not made of DynamoDB's typed values"},
		{"DYNAMODB_NEW_IMAGE", `{"Records":[{"dynamodb":{"NewImage":{"n":{"S":"a","N":"1"}}}}]}`, "the image is not made of DynamoDB's typed values"},
		{"DYNAMODB_NEW_IMAGE", `{"Records":[{"dynamodb":{"NewImage":[]}}]}`, "the image is not made of DynamoDB's typed values"},
		{"BODY", `{"body":"secret"}`, "powertools_json(): the string is not JSON"},
		{"BODY", `{"body":"%","isBase64Encoded":true}`, "powertools_base64(): the string is not standard base64 with padding"},
	} {
		e, err := CompileEnvelope(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Search(mustParse(t, c.event)); err == nil || err.Error() != c.want {
			t.Errorf("%s of %s: %v, want %s", c.name, c.event, err, c.want)
		}
	}
}

func TestNearBuiltIn(t *testing.T) {
	for text, want := range map[string]string{"SQS": "", "SQS_RECORDS": "SQS_RECORD", "APIGATEWAY_REST": "API_GATEWAY_REST", "detail": "", "DETAIL": "", "": ""} {
		if got := NearBuiltIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func mustParse(t *testing.T, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
