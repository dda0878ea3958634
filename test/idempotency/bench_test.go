package idempotency

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
	"powertools-extension/internal/middleware"
)

// BenchmarkHook is the processor time of a new request of 1 kB and its answer,
// without the store.
func BenchmarkHook(b *testing.B) {
	for _, key := range []string{"", "powertools_json(body).order_id"} {
		b.Run("key="+key, func(b *testing.B) {
			e := idempotency.New(&memstore.Store{}, idempotency.Options{Prefix: "fn", Format: idempotency.Python, ExpiresAfter: time.Hour, Key: expression(b, key)})
			chain := middleware.New(zap.NewNop(), middleware.Idempotency{Engine: e}.Hook())
			pad, answer := strings.Repeat("x", 900), []byte(`{"statusCode":200,"body":"{}"}`)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				id := fmt.Sprint(i)
				event := []byte(`{"body":"{\"order_id\":` + id + `,\"pad\":\"` + pad + `\"}"}`)
				if out := chain.Request(b.Context(), middleware.Request{ID: id, Body: event}); out.Answer != nil {
					b.Fatal(string(out.Answer.Body))
				}
				chain.Response(b.Context(), middleware.Response{ID: id, Body: answer}, time.Time{})
			}
		})
	}
}

// instant answers every call with a condition that failed, and the record in
// its way.
func instant(b *testing.B) *awsapi.Client {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"id":{"S":"x"},"status":{"S":"COMPLETED"},"expiration":{"N":"%d"},"data":{"S":"{\"ok\":true}"}}}`, time.Now().Add(time.Hour).Unix())
	}))
	b.Cleanup(srv.Close)
	return client(srv.URL)
}

// BenchmarkReplay is a replay against a store that answers at once.
func BenchmarkReplay(b *testing.B) {
	e := idempotency.New(store(instant(b), idempotency.Python), idempotency.Options{Prefix: "fn", Format: idempotency.Python, ExpiresAfter: time.Hour, Key: expression(b, "powertools_json(body).order_id")})
	chain := middleware.New(zap.NewNop(), middleware.Idempotency{Engine: e}.Hook())
	event := []byte(`{"body":"{\"order_id\":7,\"pad\":\"` + strings.Repeat("x", 900) + `\"}"}`)
	for b.Loop() {
		if out := chain.Request(b.Context(), middleware.Request{ID: "a", Body: event}); out.Answer == nil || out.Answer.Failed {
			b.Fatal("not replayed")
		}
	}
}

// BenchmarkSignedCall is what BenchmarkReplay is measured against.
func BenchmarkSignedCall(b *testing.B) {
	c := instant(b)
	in := map[string]any{"TableName": "idem", "Item": map[string]any{"id": map[string]string{"S": strings.Repeat("x", 600)}}}
	for b.Loop() {
		if err := c.Call(b.Context(), awsapi.Operation{Service: awsapi.DynamoDB, Name: "PutItem"}, in, nil); err == nil {
			b.Fatal("no refusal")
		}
	}
}
