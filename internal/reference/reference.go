// Package reference prints the pages under docs/reference from the tables in
// code.
//
// The rule a reader could break: nobody edits these pages. Change the table,
// run make generate, and commit both; the test fails when they differ.
package reference

import (
	"fmt"
	"strings"

	"powertools-extension/internal/config"
)

const notice = "<!-- Printed from code by `make generate`. Do not edit. -->\n\n"

// Pages returns the text of every page by its file name.
func Pages() map[string]string {
	return map[string]string{
		"configuration.md": notice + configuration(),
		"http-api.md":      notice + httpAPI(),
		"requests.md":      notice + requests(),
		"errors.md":        notice + errorCodes(),
		"metrics.md":       notice + metrics(),
		"openapi.json":     openAPI(),
		"schemas.json":     schemaPage(),
		"lambdaemu.md":     notice + emulator(),
	}
}

func configuration() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Everything is an environment variable of the function. A value that cannot be used is one warning on stderr that names the variable
and what is used instead; nothing in the environment stops the function. Booleans: ` + "`1 y yes t true on`, `0 n no f false off`" + `, any case.
Durations: Go form (` + "`250ms`, `5s`, `1h`" + `) or a bare number of the unit named below. Precedence: argument of an HTTP request, variable, default.
` + "`powertools-extension -config`" + ` prints what is in force.
`)
	for _, feature := range []struct{ name, title string }{
		{"extension", "Extension"}, {"logs", "Logs"}, {"metrics", "Metrics"}, {"parameters", "Parameters"}, {"proxy", "Wrapper, proxy, variables from parameters"},
		{"batch", "Batches"}, {"idempotency", "Idempotency"}, {"validation", "Validation"}, {"events", "Events"},
		{"feature flags", "Feature flags"}, {"tracing", "Tracing"}, {"platform", "Read from Lambda"},
	} {
		title := "\n## " + feature.title + "\n\n| variable | default | takes | meaning |\n|---|---|---|---|\n"
		for _, v := range config.Vars() {
			if v.Feature == feature.name && v.AliasOf == "" {
				b.WriteString(title)
				title = ""
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, code(v.Default), cell(v.Type()), cell(v.Meaning))
			}
		}
	}
	b.WriteString("\n## Other names\n\nRead when the variable they stand for is not set.\n\n| variable | stands for | takes | note |\n|---|---|---|---|\n")
	for _, v := range config.Vars() {
		if v.AliasOf != "" {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", v.Name, v.AliasOf, cell(v.Type()), cell(v.Meaning))
		}
	}
	return b.String()
}

// code shows a word as code, and nothing as a dash.
func code(s string) string {
	if s == "" {
		return "–"
	}
	if strings.Contains(s, "`") || strings.Contains(s, " ") {
		return cell(s) // words about the default, not the default itself
	}
	return "`" + cell(s) + "`"
}

// cell makes a text fit into a cell of a Markdown table.
func cell(s string) string {
	if s == "" {
		return "–"
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}
