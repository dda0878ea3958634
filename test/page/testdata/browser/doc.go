// Package browser looks at lambdaemu's live page as a person does: in Chromium,
// beside real runs, with axe-core judging what a screen reader gets.
//
// The rule a reader could break: it reads what stands on the page and asks no
// script of it for its state. Run its tests with `make test`, or here with
// `go test ./...`.
package browser
