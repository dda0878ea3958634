// Package otlp sends lines to the OpenTelemetry collector's own OTLP receiver
// and reads them as the collector does.
//
// The rule a reader could break: it is a module of its own, for the sake of
// the extension's dependencies. Run its tests with `make test`, or here with
// `go test ./...`.
package otlp
