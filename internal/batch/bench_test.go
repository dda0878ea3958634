package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// large is an event of 10,000 records and 6 MiB.
func large() []byte {
	var b strings.Builder
	b.WriteString(`{"Records":[`)
	body := strings.Repeat("x", 330)
	for i := range 10_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"messageId":"00000000-0000-4000-8000-%012d","receiptHandle":"r","body":%q,"attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1767225600000"},"messageAttributes":{},"md5OfBody":"","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q"}`, i, body)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkSplit takes 6 MiB apart.
func BenchmarkSplit(b *testing.B) {
	event := large()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if e, err := Split(event, SQS); err != nil || e.Len() != 10_000 {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun is the state machine's share of 10,000 records, with the answer
// if all failed.
func BenchmarkRun(b *testing.B) {
	e, err := Split(large(), SQS)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		run := New(e, Rules{}, time.Time{})
		for {
			if _, _, ok := run.Next(time.Time{}); !ok {
				break
			}
			run.Fail(time.Time{}, "E", "m")
		}
		if a := run.Answer(); len(a.Body) < 10_000*36 {
			b.Fatal(len(a.Body))
		}
	}
}
