// Package sink is a small HTTP server that takes whatever is posted to it. It
// stands for the back end an extension delivers to, and the sink faults make it
// slow, broken or silent.
//
// The rule a reader could break: a request is counted when it is answered, so a
// client that has its answer finds itself in Stats.
package sink
