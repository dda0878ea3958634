package dynamostore

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
)

// vector is one case of a library's own requests. The two files write the
// same things with other names.
type vector struct {
	Name   string
	Config struct {
		Key          string `json:"event_key_jmespath"`
		KeyTS        string `json:"eventKeyJmesPath"`
		Validation   string `json:"payload_validation_jmespath"`
		ValidationTS string `json:"payloadValidationJmesPath"`
		Expires      int    `json:"expires_after_seconds"`
		ExpiresTS    int    `json:"expiresAfterSeconds"`
		LocalCache   bool   `json:"use_local_cache"`
	}
	Layer struct {
		SortKey                                   string `json:"sort_key_attr"`
		SortKeyTS                                 string `json:"sortKeyAttr"`
		StaticPK                                  string `json:"static_pk_value"`
		KeyAttr, ExpiryAttr, InProgressExpiryAttr string
		StatusAttr, DataAttr, ValidationKeyAttr   string
	}
	Event     json.RawMessage
	Responses []struct {
		Error string
		Item  json.RawMessage
		Body  struct {
			Type string `json:"__type"`
			Item json.RawMessage
		}
	}
	Requests []struct {
		Target string
		Body   map[string]any
	}
	Outcomes []struct {
		Result json.RawMessage
		Error  string
	}
}

// script answers calls with a vector's responses and keeps what was asked.
type script struct {
	v     vector
	asked []struct {
		name string
		body map[string]any
	}
}

func (s *script) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var body map[string]any
	if err := json.Unmarshal(b, &body); err != nil {
		return err
	}
	n := len(s.asked)
	s.asked = append(s.asked, struct {
		name string
		body map[string]any
	}{op.Name, body})
	if n >= len(s.v.Responses) {
		return nil
	}
	r := s.v.Responses[n]
	code := r.Error
	if r.Body.Type != "" {
		_, code, _ = strings.Cut(r.Body.Type, "#")
	}
	it := r.Item
	if it == nil {
		it = r.Body.Item
	}
	if code != "" {
		return &awsapi.ServiceError{Service: op.Service, Operation: op.Name, Code: code, Status: 400, Item: string(it)}
	}
	if out == nil || it == nil {
		return nil
	}
	return json.Unmarshal([]byte(`{"Item":`+string(it)+`}`), out)
}

// TestVectors: the libraries' requests, compared as JSON values, less what is
// ours (the owner), and their outcomes.
func TestVectors(t *testing.T) {
	for _, f := range []struct {
		file   string
		format idempotency.Format
		prefix string
		cases  int
	}{
		{"idempotency_dynamodb_python.json", idempotency.Python, "my-fn.app.handler", 17},
		{"idempotency_dynamodb_typescript.json", idempotency.TypeScript, "my-fn", 13},
	} {
		b, err := os.ReadFile("testdata/" + f.file)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []vector }
		if err := json.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		if len(file.Cases) != f.cases {
			t.Fatalf("%s: %d cases, want %d", f.file, len(file.Cases), f.cases)
		}
		for _, v := range file.Cases {
			t.Run(string(f.format)+"/"+v.Name, func(t *testing.T) { check(t, v, f.format, f.prefix) })
		}
	}
}

func check(t *testing.T, v vector, format idempotency.Format, prefix string) {
	now := time.UnixMilli(1705318245123)
	s := &script{v: v}
	layout := Layout{
		Table: "idem", SortKey: v.Layer.SortKey + v.Layer.SortKeyTS, StaticPK: v.Layer.StaticPK, Key: v.Layer.KeyAttr, Expiry: v.Layer.ExpiryAttr,
		InProgressExpiry: v.Layer.InProgressExpiryAttr, Status: v.Layer.StatusAttr, Data: v.Layer.DataAttr, Validation: v.Layer.ValidationKeyAttr,
	}
	if layout.SortKey != "" && layout.StaticPK == "" {
		layout.StaticPK = "idempotency#my-fn"
	}
	opt := idempotency.Options{
		Prefix: prefix, Format: format, Key: expression(t, v.Config.Key+v.Config.KeyTS), Validation: expression(t, v.Config.Validation+v.Config.ValidationTS),
		ExpiresAfter: time.Hour, Now: func() time.Time { return now },
	}
	if n := v.Config.Expires + v.Config.ExpiresTS; n > 0 {
		opt.ExpiresAfter = time.Duration(n) * time.Second
	}
	if v.Config.LocalCache {
		opt.LocalCache = 256
	}
	e := idempotency.New(New(s, layout, format), opt)
	event, err := jmes.Parse(v.Event)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range v.Outcomes {
		req := idempotency.Request{Event: event, Deadline: now.Add(30 * time.Second)}
		if strings.HasPrefix(v.Name, "no lambda context") {
			req.Deadline = time.Time{}
		}
		x, r, err := e.Begin(t.Context(), req)
		switch {
		case x != nil && (strings.Contains(v.Name, "handler error")):
			err = e.Fail(t.Context(), x)
		case x != nil:
			body := o.Result
			if o.Error != "" { // the vectors' handler answers this where nothing else is said
				body = json.RawMessage(`{"statusCode":200,"body":"ok","n":1.5,"list":[1,"a",null,true]}`)
			}
			_, err = e.Complete(t.Context(), x, idempotency.Result{Body: body})
		}
		if refused, _ := errors.AsType[*idempotency.Error](err); o.Error != "" || err != nil {
			if refused == nil || string(refused.Kind) != o.Error {
				t.Errorf("outcome %d: %v, want %s", i, err, o.Error)
			}
			continue
		}
		if r != nil {
			if diff := cmp.Diff(value(t, o.Result), value(t, r.Data)); diff != "" {
				t.Errorf("outcome %d (-library +ours):\n%s", i, diff)
			}
		}
	}
	if len(s.asked) != len(v.Requests) {
		t.Fatalf("%d requests, the library makes %d", len(s.asked), len(v.Requests))
	}
	for i, want := range v.Requests {
		got := s.asked[i].body
		if name := "DynamoDB_20120810." + s.asked[i].name; name != want.Target {
			t.Fatalf("request %d: %s, want %s", i, name, want.Target)
		}
		stripOwner(t, s.asked[i].name, got)
		if strings.Contains(v.Name, "falsy -> stored as null") && i == 1 {
			// The newest library stores {}, as we do; the vectors' stored null.
			values := want.Body["ExpressionAttributeValues"].(map[string]any)
			values[":response_data"] = map[string]any{"S": "{}"}
		}
		if diff := cmp.Diff(normal(t, want.Body), normal(t, got)); diff != "" {
			t.Errorf("request %d, %s (-library +ours):\n%s", i, want.Target, diff)
		}
	}
}

// stripOwner takes out what we add, and insists that it is there.
func stripOwner(t *testing.T, name string, body map[string]any) {
	t.Helper()
	if name == "PutItem" {
		it := body["Item"].(map[string]any)
		if it[ownerAttr] == nil {
			t.Error("the record has no owner")
		}
		delete(it, ownerAttr)
		return
	}
	if name != "UpdateItem" && name != "DeleteItem" {
		return
	}
	if body["ConditionExpression"] != "#status = :inprogress AND #owner = :owner" {
		t.Errorf("%s without the condition of the owner: %v", name, body["ConditionExpression"])
	}
	delete(body, "ConditionExpression")
	n, v := body["ExpressionAttributeNames"].(map[string]any), body["ExpressionAttributeValues"].(map[string]any)
	delete(n, "#owner")
	delete(v, ":owner")
	delete(v, ":inprogress")
	if name == "DeleteItem" {
		delete(body, "ExpressionAttributeNames")
		delete(body, "ExpressionAttributeValues")
	}
}

// normal reads the JSON text that Python stores as data, so that it compares
// as a value: the library sorts its keys, we keep the handler's bytes.
func normal(t *testing.T, body map[string]any) map[string]any {
	t.Helper()
	values, _ := body["ExpressionAttributeValues"].(map[string]any)
	data, _ := values[":response_data"].(map[string]any)
	if text, ok := data["S"].(string); ok && json.Valid([]byte(text)) {
		values[":response_data"] = value(t, json.RawMessage(text))
	}
	return body
}

func value(t *testing.T, b json.RawMessage) (v any) {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func expression(t *testing.T, text string) *jmes.Expression {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := jmes.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestRecords: what other hands wrote, and what must not be trusted.
func TestRecords(t *testing.T) {
	s := New(nil, Layout{Table: "t"}, idempotency.Python)
	for _, c := range []struct {
		name, item string
		data       string
		trusted    bool
	}{
		{"python", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"},"data":{"S":"{\"n\": 1.0}"}}`, `{"n": 1.0}`, true},
		{"typescript map", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"},"data":{"M":{"b":{"L":[{"N":"12345678901234567890"},{"NULL":true}]},"a":{"BOOL":false}}}}`, `{"a":false,"b":[12345678901234567890,null]}`, true},
		{"typescript string", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"},"data":{"S":"done"}}`, `"done"`, true},
		{"all types", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"},"data":{"M":{"ss":{"SS":["é","b"]},"ns":{"NS":["1","2.50"]},"t":{"BOOL":true},"e":{"M":{}},"l":{"L":[]},"s":{"S":"a\u0001\ud83d\ude00"}}}}`, `{"e":{},"l":[],"ns":[1,2.50],"s":"a\u0001😀","ss":["é","b"],"t":true}`, true},
		{"no data", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"}}`, `null`, true},
		{"fraction of a second", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9.5"}}`, `null`, true},
		{"data of bytes", `{"status":{"S":"COMPLETED"},"expiration":{"N":"9"},"data":{"B":"AA=="}}`, ``, false},
		{"expiration a text", `{"status":{"S":"COMPLETED"},"expiration":{"S":"9"},"data":{"S":"1"}}`, `1`, false},
		{"no status", `{"expiration":{"N":"9"},"data":{"S":"1"}}`, `1`, false},
	} {
		var it item
		if err := json.Unmarshal([]byte(c.item), &it); err != nil {
			t.Fatal(err)
		}
		r := s.record("id", it)
		// The old item of a refused write is read in another way than one that
		// was asked for.
		v, err := jmes.Parse([]byte(c.item))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, s.record("id", itemOf(v))); diff != "" {
			t.Errorf("%s, in the two ways:\n%s", c.name, diff)
		}
		trusted := r.Status == idempotency.Completed && r.Expiration == 9
		if string(r.Data) != c.data || trusted != c.trusted {
			t.Errorf("%s: data %s, status %q, expiration %d", c.name, r.Data, r.Status, r.Expiration)
		}
	}
}
