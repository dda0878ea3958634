package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestStoreOfRecordsFails: what a caller gets, what runs, and what somebody
// reads at night, for each way in which the store fails.
func TestStoreOfRecordsFails(t *testing.T) {
	for _, c := range []struct {
		name, fault, table string
		words              string // in the extension's log
	}{
		{"no table", "", "orders-gone", "there is no table orders-gone"},
		{"denied", "denied", "orders-idem", "allow dynamodb:PutItem on the table orders-idem"},
		{"throttled", "throttled", "orders-idem", "dynamodb PutItem"},
		{"error", "error-500", "orders-idem", "dynamodb PutItem"},
		{"hung", "hung", "orders-idem", "no answer in time"},
		{"down", "down", "orders-idem", "dynamodb PutItem"},
	} {
		for _, policy := range []string{"closed", "open"} {
			t.Run(c.name+", "+policy, func(t *testing.T) {
				t.Parallel()
				l := newTill(t)
				s := l.open("POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE", policy, "POWERTOOLS_IDEMPOTENCY_TABLE", c.table, "POWERTOOLS_IDEMPOTENCY_TIMEOUT", "500ms")
				if err := l.fake.SetFault(c.fault); c.fault != "" && err != nil {
					t.Fatal(err)
				}
				const types = "IdempotencyPersistenceLayerError"
				if policy == "open" {
					l.want("open", s.Invoke(`{"order":1}`), 1, "charged")
					l.want("open, HTTP", s.Invoke(fmt.Sprintf(httpOrder, 1, "")), 1, `"statusCode":200`)
				} else {
					l.want("closed", s.Invoke(`{"order":1}`), 0, "Function."+types)
					res := s.Invoke(fmt.Sprintf(httpOrder, 1, ""))
					l.want("closed, HTTP", res, 0, `"statusCode":503`, "persistence")
					if strings.Contains(string(res.Payload), "dynamodb") || strings.Contains(string(res.Payload), "orders-") {
						t.Errorf("an HTTP client is told of the table: %s", res.Payload)
					}
				}
				s.Shutdown()
				state, metric := "error", map[string]string{"open": "IdempotencyBypassed", "closed": "IdempotencyErrors"}[policy]
				for _, e := range s.Canonical() {
					if e["idempotency"] != state || e[metric] != float64(1) || (e["answered_by"] == "idempotency") != (policy == "closed") {
						t.Errorf("%v, %s %v, answered by %v", e["idempotency"], metric, e[metric], e["answered_by"])
					}
				}
				if s.Saying(c.words) != 1 {
					t.Errorf("%q is said %d times, want once for two requests", c.words, s.Saying(c.words))
				}
			})
		}
	}
}

// TestAnswerCannotBeStored: the store fails between event and answer.
func TestAnswerCannotBeStored(t *testing.T) {
	for _, policy := range []string{"closed", "open"} {
		l := newTill(t)
		s := l.open("POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE", policy, "POWERTOOLS_IDEMPOTENCY_TIMEOUT", "500ms")
		s.Invoke(`{"warm":1}`)
		l.ran()
		invoke := func(event string) string {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for puts := l.fake.Calls("dynamodb:PutItem"); l.fake.Calls("dynamodb:PutItem") == puts; {
				}
				_ = l.fake.SetFault("down")
			}()
			res := s.Invoke(event)
			<-done
			_ = l.fake.SetFault("")
			return res.ErrorType + " " + string(res.Payload)
		}
		if got := invoke(`{"order":1,"do":"sleep"}`); strings.Contains(got, "charged") != (policy == "open") || strings.Contains(got, "Function.IdempotencyPersistenceLayerError") != (policy == "closed") {
			t.Errorf("%s: %s", policy, got)
		}
		if n := l.ran(); n != 1 {
			t.Errorf("%s: %d runs", policy, n)
		}
		l.want(policy+": the repeat", s.Invoke(`{"order":1}`), 0, "IdempotencyAlreadyInProgressError")
		// The function's own error is what its caller needs.
		if got := invoke(`{"order":2,"do":"fail"}`); !strings.Contains(got, "asked") {
			t.Errorf("%s: a delete that fails hides the function's error: %s", policy, got)
		}
	}
}

// TestUnusableConfiguration: closed refuses and names the variable, open goes
// without.
func TestUnusableConfiguration(t *testing.T) {
	for _, c := range []struct{ variable, value string }{
		{"POWERTOOLS_IDEMPOTENCY_KEY", "order["},
		{"POWERTOOLS_IDEMPOTENCY_PAYLOAD_VALIDATION", "a."},
		{"POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR", "id"},
	} {
		for _, policy := range []string{"closed", "open"} {
			l := newTill(t)
			s := l.open(c.variable, c.value, "POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE", policy)
			if policy == "open" {
				l.want(c.variable, s.Invoke(`{"order":1}`), 1, "charged")
			} else {
				l.want(c.variable, s.Invoke(`{"order":1}`), 0, "Function.IdempotencyPersistenceLayerError", c.variable)
			}
			s.Shutdown()
		}
	}
}
