package awsdecode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/internal/jmes"
)

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func records(of, list string) string {
	return `{"source":"` + of + `","http":false,"records":[` + list + `]}`
}

// TestSources: what a user reads of each source's events.
func TestSources(t *testing.T) {
	for _, c := range []struct{ name, event, want string }{
		{"sqs", `{"Records":[{"messageId":"a","body":"{\"id\": 9007199254740993}","eventSource":"aws:sqs"},{"messageId":"b","body":"hello","eventSource":"aws:sqs"},{"messageId":"c","body":"","eventSource":"aws:sqs"}]}`,
			records("sqs", `{"id":"a","body":"{\"id\": 9007199254740993}","json":{"id":9007199254740993}},{"id":"b","body":"hello"},{"id":"c","body":""}`)},
		{"records that are none", `{"Records":[{"messageId":"a","eventSource":"aws:sqs"},null,7]}`,
			records("sqs", `{"id":"a"},{"error":"the record is no object"},{"error":"the record is no object"}`)},
		{"sns", `{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"m","Subject":"s","Message":"[1]"}}]}`, records("sns", `{"id":"m","subject":"s","body":"[1]","json":[1]}`)},
		{"kinesis", `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"p","sequenceNumber":"49","data":"` + zipped(`{"a":"é"}`) + `"}},{"kinesis":{"sequenceNumber":"50","data":"/wA="}},{"kinesis":{"sequenceNumber":"51","data":"%"}}]}`,
			records("kinesis", `{"id":"49","partition_key":"p","data":"{\"a\":\"é\"}","json":{"a":"é"}},{"id":"50","base64":"/wA="},{"id":"51","error":"data is not base64"}`)},
		{"what only begins like gzip", `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"H4sIAAAA"}}]}`, records("kinesis", `{"id":"1","base64":"H4sIAAAA"}`)},
		{"dynamodb", `{"Records":[{"eventSource":"aws:dynamodb","eventName":"MODIFY","dynamodb":{"SequenceNumber":"1","Keys":{"id":{"S":"k"}},"NewImage":{"n":{"N":"9007199254740993"},"l":{"L":[{"NULL":true}]}},"OldImage":{"n":{"N":"1"}}}},{"eventName":"REMOVE","dynamodb":{"SequenceNumber":"2","OldImage":{"n":{"X":"1"}}}}]}`,
			records("dynamodb", `{"id":"1","event":"MODIFY","keys":{"id":"k"},"new_image":{"n":9007199254740993,"l":[null]},"old_image":{"n":1}},{"id":"2","event":"REMOVE","error":"OldImage is not made of DynamoDB's typed values"}`)},
		{"s3", `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"caf%C3%A9/a+b%2Bc.txt","size":3,"eTag":"e","versionId":"v"}}},{"s3":{"object":{"key":"100%"}}}]}`,
			records("s3", `{"event":"ObjectCreated:Put","bucket":"b","key":"café/a b+c.txt","size":3,"etag":"e","version_id":"v"},{"key":"100%"}`)},
		{"ses", `{"Records":[{"eventSource":"aws:ses","ses":{"mail":{"messageId":"m"}}}]}`, records("ses", `{"id":"m","json":{"mail":{"messageId":"m"}}}`)},
		{"firehose", `{"deliveryStreamArn":"arn:x","records":[{"recordId":"r","data":"aGk="}]}`, records("firehose", `{"id":"r","data":"hi"}`)},
		{"kafka", `{"eventSource":"aws:kafka","records":{"orders-1":[{"topic":"orders","partition":1,"offset":15,"key":"aw==","value":"eyJpZCI6MX0=","headers":[{"trace":[97,-61,-87]},{"bin":[255]}]}],"orders-2":[{"topic":"orders","partition":2,"offset":0,"key":"/w==","value":null}]}}`,
			records("kafka", `{"id":"orders-1/15","topic":"orders","partition":1,"offset":15,"key":"k","value":"{\"id\":1}","json":{"id":1},"headers":{"trace":"aé"}},{"id":"orders-2/0","topic":"orders","partition":2,"offset":0,"key_base64":"/w=="}`)},
		{"rabbitmq", `{"eventSource":"aws:rmq","rmqMessagesByQueue":{"q::/":[{"basicProperties":{"messageId":"m"},"data":"aGk="}]}}`, records("rabbitmq", `{"id":"m","queue":"q::/","data":"hi"}`)},
		{"activemq", `{"eventSource":"aws:mq","messages":[{"messageID":"m","data":"aGk="}]}`, records("activemq", `{"id":"m","data":"hi"}`)},
		{"cloudwatch logs", `{"awslogs":{"data":"` + zipped(`{"logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":5,"message":"{\"level\":\"ERROR\"}"},{"id":"2","timestamp":6,"message":"text"}]}`) + `"}}`,
			records("cloudwatch_logs", `{"id":"1","timestamp":5,"log_group":"g","log_stream":"s","data":"{\"level\":\"ERROR\"}","json":{"level":"ERROR"}},{"id":"2","timestamp":6,"log_group":"g","log_stream":"s","data":"text"}`)},
		{"cloudwatch logs that are none", `{"awslogs":{"data":"aGk="}}`, records("cloudwatch_logs", `{"error":"awslogs.data is not gzip of a JSON object"}`)},
		{"eventbridge", `{"id":"e","detail-type":"Order Placed","source":"shop","detail":{"n":1.0}}`, records("eventbridge", `{"id":"e","detail_type":"Order Placed","json":{"n":1.0}}`)},
		{"config", `{"configRuleArn":"arn:x","invokingEvent":"{\"a\":1}","ruleParameters":"{\"b\":2}"}`, records("config", `{"json":{"a":1},"rule_parameters":{"b":2}}`)},
		{"http", `{"version":"2.0","rawPath":"/orders","headers":{"Content-Type":"application/json"},"requestContext":{"requestId":"r","http":{"method":"POST"}},"body":"eyJpZCI6MX0=","isBase64Encoded":true}`,
			`{"source":"api_gateway_v2","http":true,"records":[{"id":"r","method":"POST","path":"/orders","headers":{"content-type":"application/json"},"body":"{\"id\":1}","json":{"id":1}}]}`},
		{"alb", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueHeaders":{"Accept":["a","b"]},"body":"","isBase64Encoded":false}`,
			`{"source":"alb","http":true,"records":[{"method":"GET","path":"/","headers":{"accept":"a, b"},"body":""}]}`},
		{"lattice", `{"raw_path":"/l","method":"PUT","query_string_parameters":{},"headers":{},"body":"/w==","is_base64_encoded":true}`,
			`{"source":"vpc_lattice","http":true,"records":[{"method":"PUT","path":"/l","base64":"/w=="}]}`},
		{"headers of one name", `{"version":"2.0","rawPath":"/","headers":{"X":"1","b":"","x":"2"},"requestContext":{"http":{"method":"GET"}}}`,
			`{"source":"api_gateway_v2","http":true,"records":[{"method":"GET","path":"/","headers":{"x":"1, 2","b":""}}]}`},
		{"cookies beside the headers", `{"version":"2.0","rawPath":"/","cookies":["a=1","b=2"],"headers":{"x":"y"},"requestContext":{"http":{"method":"GET"}}}`,
			`{"source":"api_gateway_v2","http":true,"records":[{"method":"GET","path":"/","headers":{"x":"y","cookie":"a=1; b=2"}}]}`},
		{"cookies among them, too", `{"version":"2.0","rawPath":"/","cookies":["a=1","b=2"],"headers":{"cookie":"a=1;b=2"},"requestContext":{"http":{"method":"GET"}}}`,
			`{"source":"api_gateway_v2","http":true,"records":[{"method":"GET","path":"/","headers":{"cookie":"a=1;b=2"}}]}`},
		{"cookies of several lines", `{"resource":"/","httpMethod":"GET","path":"/","requestContext":{},"headers":{"Cookie":"b=2"},"multiValueHeaders":{"Cookie":["a=1","b=2"],"N":null}}`,
			`{"source":"api_gateway_v1","http":true,"records":[{"method":"GET","path":"/","headers":{"cookie":"a=1; b=2"}}]}`},
		{"no lists of headers", `{"resource":"/","httpMethod":"GET","path":"/","requestContext":{},"headers":{"A":"b"},"multiValueHeaders":{}}`,
			`{"source":"api_gateway_v1","http":true,"records":[{"method":"GET","path":"/","headers":{"a":"b"}}]}`},
		{"cloudwatch logs of lines that are none", `{"awslogs":{"data":"` + zipped(`{"logEvents":[5,{"id":"2","message":"m"}]}`) + `"}}`,
			records("cloudwatch_logs", `{"error":"the record is no object"},{"id":"2","data":"m"}`)},
		{"of a user's own", `{"order":{"id":1e3}}`, records("unknown", `{"json":{"order":{"id":1e3}}}`)},
		{"no object", `[]`, records("unknown", `{"json":[]}`)},
		{"null", `null`, records("unknown", `{"json":null}`)},
	} {
		got, err := Append(nil, []byte(c.event))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
	for _, text := range []string{"", "{", "{}x", "\xff"} {
		if out, err := Append([]byte("x"), []byte(text)); err == nil || string(out) != "x" {
			t.Errorf("%q: %s, %v", text, out, err)
		}
	}
}

// TestBombs: what inflates to more than the bound is an error of its record.
func TestBombs(t *testing.T) {
	bomb := zipped(strings.Repeat("a", 20<<20))
	got, err := Append(nil, []byte(`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"`+bomb+`"}},{"kinesis":{"sequenceNumber":"2","data":"aGk="}}]}`))
	if want := records("kinesis", `{"id":"1","error":"data is gzip of more than 16 MiB"},{"id":"2","error":"data and what stands before it are more than 16 MiB"}`); err != nil || string(got) != want {
		t.Errorf("%v: %.300s", err, got)
	}
}

func published(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "events", "testdata", "*.json"))
	if err != nil || len(files) < 90 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	return files
}

// TestPublished: AWS's sample events come apart without an error, and as many
// records come out as went in.
func TestPublished(t *testing.T) {
	for _, file := range published(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Append(nil, b)
		if strings.HasSuffix(file, "dynamodb-event-malformed.2.json") {
			continue // no JSON
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		var got struct{ Records []map[string]any }
		if err := json.Unmarshal(out, &got); err != nil || len(got.Records) == 0 {
			t.Errorf("%s: %v: %s", file, err, out)
		}
		var event struct{ Records []any }
		_ = json.Unmarshal(b, &event)
		if n := len(event.Records); n > 0 && !strings.Contains(file, "-response") && n != len(got.Records) {
			t.Errorf("%s: %d records of %d", file, len(got.Records), n)
		}
		for i, r := range got.Records {
			if why, failed := r["error"]; failed {
				t.Errorf("%s, record %d: %v", filepath.Base(file), i, why)
			}
		}
	}
}

func FuzzAppend(f *testing.F) {
	for _, file := range published(f) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"eventSource":"aws:kafka","records":{"a-0":[{"headers":[{"x":[1e9,-1]}]}]}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		out, err := Append(nil, event)
		if err != nil {
			return
		}
		if _, err := jmes.Parse(out); err != nil {
			t.Fatalf("%s", out)
		}
	})
}

// event256k is an SQS event of 256 kB with JSON in its bodies.
func event256k() []byte {
	body, _ := json.Marshal(`{"id":1,"text":"` + strings.Repeat("x", 900) + `","n":[1,2,3,4,5,6,7,8,9]}`)
	var list []string
	for i := range 240 {
		list = append(list, fmt.Sprintf(`{"messageId":"%d","body":%s,"eventSource":"aws:sqs"}`, i, body))
	}
	return []byte(`{"Records":[` + strings.Join(list, ",") + `]}`)
}

// BenchmarkDecode has the check that the event is JSON beside it, which every
// reader pays.
func BenchmarkDecode(b *testing.B) {
	event := event256k()
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(event)))
		for b.Loop() {
			_, _ = Append(nil, event)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(event)))
		for b.Loop() {
			_, _ = jmes.Parse(event)
		}
	})
}
