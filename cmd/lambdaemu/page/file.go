package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// modules are the page's scripts, each after those that it imports.
func modules() []string {
	return []string{"format.js", "scale.js", "lanes.js", "emf.js", "pair.js", "run.js", "dom.js", "timeline.js", "invocation.js", "metrics.js", "parameters.js", "controls.js", "extensions.js", "app.js"}
}

// WriteFile writes what is left of the run as one file, which a browser shows
// from disk without a network and without anything to control.
func (p *Page) WriteFile(w io.Writer) error {
	index, err := assets.ReadFile("assets/index.html")
	if err != nil {
		return err
	}
	style, err := assets.ReadFile("assets/page.css")
	if err != nil {
		return err
	}
	script, err := joined()
	if err != nil {
		return err
	}
	entries, forgotten := p.history.all()
	run, err := json.Marshal(struct { // escapes < and >, so that no line ends the element
		Forgotten int             `json:"forgotten"`
		Entries   json.RawMessage `json:"entries"`
	}{forgotten, entries})
	if err != nil {
		return err
	}
	policy := fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", digest(style), digest(script))
	page := string(index)
	for _, part := range []struct{ old, new string }{
		{"<!-- policy -->", `<meta http-equiv="Content-Security-Policy" content="` + policy + `">`},
		{`<link rel="stylesheet" href="/page/page.css">`, "<style>" + string(style) + "</style>"},
		{`<link rel="icon" href="/page/icon.svg">`, ""},
		{`<script type="module" src="/page/app.js"></script>`, `<script type="application/json" id="run">` + string(run) + `</script><script type="module">` + string(script) + "</script>"},
	} {
		if strings.Count(page, part.old) != 1 {
			return fmt.Errorf("page file: index.html has no %s", part.old)
		}
		page = strings.Replace(page, part.old, part.new, 1)
	}
	_, err = io.WriteString(w, page)
	return err
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// joined is all modules as one: a page from disk may not import files. Their names
// are unique across modules, which a test holds.
func joined() ([]byte, error) {
	imports := regexp.MustCompile(`(?m)^import [^;]*;\n`)
	exports := regexp.MustCompile(`(?m)^export `)
	var parts [][]byte
	for _, name := range modules() {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, exports.ReplaceAll(imports.ReplaceAll(text, nil), nil))
	}
	return slices.Concat([]byte("\n"), bytes.Join(parts, []byte("\n"))), nil
}
