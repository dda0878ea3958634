package relay

import "time"

// buffering is a subscriber's wish, within the bounds of the API (AWS page:
// telemetry-api-reference).
type buffering struct {
	maxItems int           // 1,000 to 10,000; default 10,000
	maxBytes int           // 262,144 to 1,048,576; default 262,144
	timeout  time.Duration // 25 ms to 30 s; default 1 s
}

// queued is an encoded event and when it came; the first one's time starts the
// batch's timer.
type queued struct {
	encoded
	at time.Time
}

// batchSize returns how many events of the queue make up the next batch, and
// whether that batch is complete by items or bytes. The event that reaches
// maxBytes belongs to the batch, so a body may be larger than maxBytes (AWS
// page: telemetry-api).
func (b buffering) batchSize(queue []queued) (n int, full bool) {
	size := 0
	for i, q := range queue {
		size += q.size()
		if i+1 >= b.maxItems || size >= b.maxBytes {
			return i + 1, true
		}
	}
	return len(queue), false
}

// post is one HTTP body and the events that are in it, whole or in part.
type post struct {
	body   []byte
	labels []string
}

// posts encodes a batch. A record longer than cut is torn: the body ends in the
// middle of the value with "}]" behind it, and the next body repeats the
// record's head before the rest, so that neither is JSON. There is no sequence
// number (observed on Lambda in September 2026; DataDog, bottlecap).
func posts(batch []queued, cut int) []post {
	var done []post
	current := post{body: []byte{'['}}
	for _, q := range batch {
		rest := q.record
		current.begin(q.encoded)
		for len(rest) > cut {
			current.body = append(append(current.body, rest[:cut]...), "}]"...)
			done = append(done, current)
			rest = rest[cut:]
			current = post{body: []byte{'['}}
			current.begin(q.encoded)
		}
		current.body = append(append(current.body, rest...), '}')
	}
	current.body = append(current.body, ']')
	return append(done, current)
}

func (p *post) begin(e encoded) {
	if len(p.labels) > 0 {
		p.body = append(p.body, ',')
	}
	p.body = append(p.body, e.head...)
	p.labels = append(p.labels, e.label)
}
