package relay

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Records in every form (behaviour 16). [DOC:telemetry-schema-reference, HC:#173]
func TestRecordForms(t *testing.T) {
	out := &fakeSender{}
	synctest.Test(t, func(t *testing.T) {
		r := newSubRig(t, out, "record-forms")
		for range 6 {
			r.line("hello")
		}
		r.put(Event{At: time.Now(), Type: "platform.start", Category: "platform", Record: StartRecord{RequestID: "r", Version: "1", Tracing: &TracingRecord{}}})
		r.put(Event{At: time.Now(), Type: "platform.fault", Category: "platform", Record: "text"})
		time.Sleep(2 * time.Second)
		r.end()
	})
	var batch []struct{ Record json.RawMessage }
	if err := json.Unmarshal([]byte(out.bodies()[0]), &batch); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range batch {
		got = append(got, string(e.Record))
	}
	want := []string{
		`"hello"`, `{"level":null,"message":{"text":"hello"},"timestamp":"2000-01-01T00:00:00.000Z"}`, `42`, `["hello",1,null]`, `null`, `""`,
		`{"requestId":"r","somethingNew":{"deep":[1,null,"x"]}}`, `"text"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
