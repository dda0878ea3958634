package reference

import (
	"fmt"
	"strings"

	"powertools-extension/internal/reference/apidoc"
)

// requests prints the examples, each with the answer that a test has seen.
func requests() string {
	var b strings.Builder
	b.WriteString(`# Requests and their answers

Every route with every source and selector. A test plays each line over a socket and compares the answer. The command, for the line ` + "`GET /parameters/ssm/app/db`" + `:

` + "```bash" + `
curl --noproxy '*' -sS -K - "http://127.0.0.1:2773/parameters/ssm/app/db" <<<"header = \"X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN\""
` + "```" + `

What stands in brackets is sent beside it; "after" is a request that came first. Answers are 200 unless a status stands before them. What each route takes: [http-api.md](http-api.md).
`)
	section := ""
	for _, e := range apidoc.Requests() {
		if e.Section != section {
			section = e.Section
			fmt.Fprintf(&b, "\n## %s\n\n| what | request | answer |\n|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(e.What), requestCell(&e), answerCell(&e))
	}
	return b.String()
}

func requestCell(e *apidoc.Example) string {
	text := "`" + cell(e.Method+" "+e.Target) + "`"
	for _, more := range []struct{ word, what string }{
		{"", e.Header}, {"body ", e.Body}, {"after ", e.Before},
	} {
		if more.what != "" {
			text += " [" + more.word + "`" + cell(more.what) + "`]"
		}
	}
	if e.Port != 0 {
		text += fmt.Sprintf(" [port %d, no token]", e.Port)
	}
	return text
}

func answerCell(e *apidoc.Example) string {
	text := ""
	if e.Status != 200 {
		text = fmt.Sprintf("%d ", e.Status)
	}
	if e.Answer != "" {
		text += "`" + cell(e.Answer) + "`"
	}
	if e.Media != "application/json" && e.Media != "application/problem+json" && e.Media != "" {
		text += " (" + e.Media + ")"
	}
	if e.Seen != "" {
		text += " `" + cell(e.Seen) + "`"
	}
	return strings.TrimSpace(text)
}
