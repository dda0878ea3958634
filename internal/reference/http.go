package reference

import (
	"fmt"
	"strings"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/reference/apidoc"
)

func httpAPI() string {
	var b strings.Builder
	b.WriteString(`# The local API

On ` + "`http://127.0.0.1:2773`" + ` (` + "`POWERTOOLS_EXTENSION_HTTP_PORT`" + `), open before the function's code starts. Send the value of ` + "`AWS_SESSION_TOKEN`" + ` in the header
` + "`X-Aws-Parameters-Secrets-Token`" + `; only ` + "`/ping` and `/healthz`" + ` need none. The same as OpenAPI: [openapi.json](openapi.json), or ` + "`GET /openapi.json`" + `. Error answers:
[errors.md](errors.md). Each route with every selector and the answer seen: [requests.md](requests.md).

| route | what |
|---|---|
`)
	for _, r := range apidoc.Routes() {
		fmt.Fprintf(&b, "| `%s %s` | %s |\n", r.Method, r.Pattern, cell(r.Summary))
	}
	b.WriteString("\n" + apidoc.Overview)
	for _, r := range apidoc.Routes() {
		b.WriteString(routeSection(r))
	}
	return b.String()
}

func routeSection(r apidoc.Route) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## `%s %s`\n\n%s.", r.Method, r.Pattern, strings.TrimSuffix(r.Summary, "."))
	if r.Detail != "" {
		b.WriteString(" " + r.Detail)
	}
	b.WriteString("\n")
	if len(r.Params) > 0 {
		b.WriteString("\n| parameter | in | takes | default | meaning |\n|---|---|---|---|---|\n")
	}
	for _, p := range r.Params {
		takes := p.Type
		if len(p.Allowed) > 0 {
			takes = "`" + strings.Join(p.Allowed, "`, `") + "`"
		}
		if p.Repeat {
			takes += ", several times"
		}
		name := "`" + p.Name + "`"
		if p.Required {
			name += " (required)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, p.In, takes, code(p.Default), cell(p.Summary))
	}
	if r.Request != nil {
		fmt.Fprintf(&b, "\nBody, `%s`:\n\n```\n%s\n```\n", r.Request.Type, r.Request.Example)
	}
	if len(r.Errors) > 0 {
		names := make([]string, len(r.Errors))
		for i, e := range r.Errors {
			names[i] = string(e)
		}
		fmt.Fprintf(&b, "\nErrors beyond those of every route: `%s`.\n", strings.Join(names, "`, `"))
	}
	for _, a := range r.Answers {
		fmt.Fprintf(&b, "\n**%d** %s\n", a.Status, a.Summary)
		for _, m := range a.Media {
			if m.Example != "" {
				fmt.Fprintf(&b, "\n`%s`:\n\n```\n%s\n```\n", m.Type, m.Example)
			}
		}
	}
	return b.String()
}

func openAPI() string { return string(apidoc.OpenAPI()) }

func errorCodes() string {
	var b strings.Builder
	b.WriteString(`# Errors

Our own routes answer errors as ` + "`application/problem+json`" + ` with ` + "`type, title, status, detail, code`" + ` and, where it is known, ` + "`cure`" + `. The drop-in routes answer in
the words and statuses of the server they stand in for, with the kind in ` + "`X-Amzn-ErrorType`" + `. No error ever holds a value or a token.

| code | status | title | cure |
|---|---|---|---|
`)
	for _, e := range localhttp.Errors() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", e.Code, e.Status, cell(e.Title), cell(e.Cure))
	}
	return b.String()
}
