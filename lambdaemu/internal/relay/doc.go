// Package relay hands what the platform says to the subscribers of the Telemetry
// and the Logs API: events in the form each asked for, in batches, with retries and
// a bounded queue, while the sandbox runs.
//
// The rule a reader could break: whoever emits never waits for a subscriber.
package relay
