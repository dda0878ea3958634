package archtest_test

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSources finds facts about a platform whose source docs/sources.md does
// not list. Comments cite in three ways:
//
//	(AWS page: telemetry-api)             a page of the Lambda developer guide by its address
//	[DOC:telemetry-api] [RIE:rapid/…]     the same, or a repository, in tests
//	(PutItem, DynamoDB API reference)     a page of another guide by its title
func TestSources(t *testing.T) {
	list := readSources(t)
	for file, comments := range allComments(t) {
		for _, comment := range comments {
			for _, problem := range list.check(comment) {
				t.Errorf("%s: %s is not in docs/sources.md: add it, with its address", file, problem)
			}
		}
	}
}

// TestSourcesSeesEveryForm is the counterpart: each way to cite something that is not listed
// is found.
func TestSourcesSeesEveryForm(t *testing.T) {
	list := sources{tags: map[string]bool{"telemetry-api": true, "RIE": true, "PutItem": true, "DynamoDB API reference": true}}
	for text, want := range map[string]int{
		"(AWS page: telemetry-api)":                                0,
		"(AWS pages: telemetry-api, no-such-page)":                 1,
		"[DOC:telemetry-api; RIE:rapid/handlers.go]":               0,
		"[DOC:none, telemetry-api]":                                1,
		"[LMI:rapid/shutdown.go]":                                  1,
		"(PutItem, DynamoDB API reference)":                        0,
		`(DynamoDB API Reference, "PutItem")`:                      0,
		"(PutItem, DynamoDB API reference: what it answers)":       0,
		"(GetItem, DynamoDB API reference)":                        1,
		"(PutItem, Kinesis API reference)":                         1,
		"[0] and (see the reference implementation below) and [x]": 0,
	} {
		if got := list.check(text); len(got) != want {
			t.Errorf("%s: %q, want %d", text, got, want)
		}
	}
}

// sources are the first columns of the tables in docs/sources.md.
type sources struct{ tags map[string]bool }

func readSources(t *testing.T) sources {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs/sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := sources{map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		tag := strings.Trim(cells[1], " `")
		address := strings.TrimSpace(cells[len(cells)-2])
		if strings.HasPrefix(address, "https://") {
			if out.tags[tag] {
				t.Errorf("docs/sources.md lists %q twice", tag)
			}
			out.tags[tag] = true
		}
	}
	return out
}

// check returns what a comment cites and the list has not.
func (s sources) check(comment string) []string {
	var missing []string
	want := func(tag string) {
		if !s.tags[tag] {
			missing = append(missing, tag)
		}
	}
	for _, m := range regexp.MustCompile(`AWS pages?: ([^)]*)`).FindAllStringSubmatch(comment, -1) {
		pages, _, _ := strings.Cut(m[1], ";")
		slugs(pages, want)
	}
	if strings.Contains(comment, "AWS source: ") {
		want("AWS source")
	}
	for _, m := range regexp.MustCompile(`\[(?:derived from )?((?:DOC|RIE|LMI|HC|SAMP)\b[^\]]*)\]`).FindAllStringSubmatch(comment, -1) {
		for part := range strings.SplitSeq(m[1], ";") {
			tag, pages, _ := strings.Cut(strings.TrimSpace(part), ":")
			tag, _, _ = strings.Cut(tag, " ")
			switch tag {
			case "DOC":
				pages, _, _ = strings.Cut(pages, ", HC:")
				slugs(pages, want)
			case "RIE", "LMI", "HC", "SAMP":
				want(tag)
			}
		}
	}
	return append(missing, s.titles(comment)...)
}

// slugs are the addresses in a list; what is written otherwise is a detail.
func slugs(list string, want func(string)) {
	for page := range strings.SplitSeq(list, ",") {
		if page = strings.TrimSpace(page); regexp.MustCompile(`^[a-z][a-z0-9_-]+$`).MatchString(page) {
			want(page)
		}
	}
}

// titles takes every known title out of the brackets that name a guide; what
// remains, before a colon, is unknown.
func (s sources) titles(comment string) []string {
	known := slices.Collect(func(yield func(string) bool) {
		for tag := range s.tags {
			if !yield(tag) {
				return
			}
		}
	})
	slices.SortFunc(known, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // longest first
	var missing []string
	guide := regexp.MustCompile(`\(([^()]*?(?:developer guide|user guide|API [Rr]eference|schema reference|Reference|man-pages|[Ss]pecification)\b[^()]*)\)`)
	for _, m := range guide.FindAllStringSubmatch(strings.ReplaceAll(comment, "- ", ""), -1) {
		text := strings.ToLower(m[1])
		if strings.HasPrefix(text, "aws page") || strings.HasPrefix(text, "aws source") {
			continue // by address
		}
		for _, tag := range known {
			text = strings.ReplaceAll(text, strings.ToLower(tag), " ")
		}
		text = regexp.MustCompile(`:[^,;]*`).ReplaceAllString(text, "")
		if left := strings.Trim(strings.Join(strings.Fields(text), " "), ` ,;"`); regexp.MustCompile(`[a-z]{3}`).MatchString(strings.ReplaceAll(left, "and", "")) {
			missing = append(missing, m[1])
		}
	}
	return missing
}

// allComments are the comments of all Go files, each on one line, by file.
func allComments(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root(t) && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "sources_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root(t), path)
		for _, group := range f.Comments {
			out[name] = append(out[name], strings.Join(strings.Fields(group.Text()), " "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
