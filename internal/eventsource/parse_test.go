package eventsource_test

import (
	"encoding/json"
	"strings"
	"testing"

	"powertools-extension/internal/eventsource"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		outcome string
		kind    eventsource.Kind
		text    string
		ids     string // of the messages; a dash where one was made up
		texts   string // what a person reads of them
		has     string // of the event
	}{
		{"bodies", eventsource.SQS, `["plain", {"order": 1}, 7]`, "- - -", `plain|{"order":1}|7`, `"body":"{\"order\":1}"`},
		{"a body that has a body", eventsource.SQS, `[{"body": "x", "total": 1}]`, "-", `{"body":"x","total":1}`, `\"total\":1`},
		{"a record", eventsource.SQS, `[{"messageId": "m1", "body": "x", "attributes": {"SenderId": "me"}}]`, "m1", "x", `"SenderId":"me"`},
		{"a body that is no text", eventsource.SQS, `[{"messageId": "m1", "body": {"a": 1}}]`, "m1", `{"a":1}`, `"body":"{\"a\":1}"`},
		{"an event", eventsource.SQS, `{"Records": [{"messageId": "m1", "body": "x"}, {"messageId": "m2", "body": "<y>"}]}`, "m1 m2", "x|<y>", `"body":"<y>"`},
		{"a record with a member of tomorrow", eventsource.SQS, `{"Records": [{"messageId": "m1", "body": "x", "tomorrow": 1}]}`, "m1", "x", `"tomorrow":1`},
		{"a record that says its source", eventsource.SQS, `[{"messageId": "m1", "body": "x", "eventSource": "aws:sqs", "tomorrow": 1}]`, "m1", "x", `"tomorrow":1`},
		{"records of AWS's example", eventsource.SQS, `{"Records": [{"messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEB", "body": "Test message.", "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDA", "ApproximateFirstReceiveTimestamp": "1545082649185"}, "messageAttributes": {"a": {"stringValue": "1", "stringListValues": [], "binaryListValues": [], "dataType": "Number"}}, "md5OfBody": "098f", "md5OfMessageAttributes": "1", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2"}]}`, "059f36b4-87a3-44ab-83d2-661975830a7d", "Test message.", `"SentTimestamp":"1545082649183"`},
		{"groups", eventsource.FIFO, `[{"body": "x", "messageGroupId": "g"}]`, "-", "x", `"MessageGroupId":"g"`},
		{"data", eventsource.Kinesis, `["hello", {"data": {"a": 1}, "partitionKey": "p"}]`, "- -", `hello|{"a":1}`, `"partitionKey":"p"`},
		{"a stream's record", eventsource.Kinesis, `[{"kinesis": {"sequenceNumber": "9", "data": "aGk="}}]`, "9", "hi", `"eventID":"shardId-000000000000:9"`},
		{"items", eventsource.DynamoDB, `[{"id": "o1", "n": 1.50, "l": [true, null], "m": {"k": "v"}}]`, "-", `{"id":"o1","n":1.50,"l":[true,null],"m":{"k":"v"}}`, `"n":{"N":"1.50"}`},
		{"a table's record", eventsource.DynamoDB, `[{"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "5", "Keys": {"id": {"S": "a"}}}}]`, "5", "", `"eventName":"REMOVE"`},
		{"one asynchronous event", eventsource.Async, `{"Records": []}`, "1", `{"Records":[]}`, `{"Records": []}`},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			cfg := eventsource.Config{Kind: tt.kind, ARN: queueARN}
			messages, err := eventsource.Parse(cfg, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for i, id := range strings.Fields(tt.ids) {
				texts = append(texts, messages[i].Text)
				if id != "-" && messages[i].ID != id {
					t.Errorf("id %q, want %q", messages[i].ID, id)
				}
			}
			if got := strings.Join(texts, "|"); tt.texts != "" && got != tt.texts {
				t.Errorf("%s, want %s", got, tt.texts)
			}
			b, _ := eventsource.New(cfg, messages).Next()
			if !json.Valid(b.Event) || !strings.Contains(string(b.Event), tt.has) {
				t.Errorf("%s has no %s", b.Event, tt.has)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		outcome string
		kind    eventsource.Kind
		text    string
		want    string
	}{
		{"no JSON", eventsource.SQS, `[`, "is not JSON"},
		{"empty file", eventsource.SQS, ``, "is not JSON"},
		{"nothing in it", eventsource.SQS, `[]`, "has no messages"},
		{"an object", eventsource.SQS, `{"body":"x"}`, "is neither a JSON array nor an event with Records"},
		{"a text", eventsource.Kinesis, `"x"`, "is neither a JSON array nor an event with Records"},
		{"one id twice", eventsource.SQS, `[{"messageId":"a","body":"x"},{"messageId":"a","body":"y"}]`, "element 1: has the id of an earlier one, a"},
		{"an id that is a number", eventsource.SQS, `[{"messageId":1,"body":"x"}]`, "element 0: its messageId is no text"},
		{"an item that is a number", eventsource.DynamoDB, `[1]`, "element 0: is no object"},
		{"data that is no base64", eventsource.Kinesis, `[{"kinesis":{"data":"*"}}]`, "element 0: its data is not base64"},
		{"a stream's record that is none", eventsource.Kinesis, `[{"kinesis":1}]`, "element 0: its member kinesis is no object"},
		{"a group that is a number", eventsource.FIFO, `[{"body":"x","attributes":{"MessageGroupId":1}}]`, "element 0: its MessageGroupId is no text"},
	} {
		_, err := eventsource.Parse(eventsource.Config{Kind: tt.kind}, []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.outcome, err, tt.want)
		}
	}
}

// What parses must also run to its end, whatever the function answers.
func FuzzBatch(f *testing.F) {
	f.Add(`["a",{"body":"b"},{"body":"c","messageGroupId":"g"}]`, `{"batchItemFailures":[{"itemIdentifier":"x"}]}`, uint8(0), true)
	f.Add(`{"Records":[{"kinesis":{"data":"aGk="}}]}`, `null`, uint8(2), false)
	f.Add(`[{"id":"a"},{"dynamodb":{"NewImage":{}}}]`, `{`, uint8(3), true)
	f.Fuzz(func(t *testing.T, text, answer string, kind uint8, report bool) {
		cfg := eventsource.Config{Kind: eventsource.Kind(eventsource.Kinds()[int(kind)%5]), ReportBatchItemFailures: report, BatchSize: 3}
		messages, err := eventsource.Parse(cfg, []byte(text))
		if err != nil {
			return
		}
		m := eventsource.New(cfg, messages)
		for range 4 * len(messages) {
			b, ok := m.Next()
			if !ok {
				break
			}
			if !json.Valid(b.Event) {
				t.Fatalf("event %s", b.Event)
			}
			m.Done(eventsource.Answer{Payload: []byte(answer)})
		}
		if b, ok := m.Next(); ok {
			t.Fatalf("does not end: %s", b.Event)
		}
		l := m.Ledger()
		if l.Count(eventsource.Waiting) > 0 {
			t.Fatalf("waiting at the end: %+v", l)
		}
	})
}
