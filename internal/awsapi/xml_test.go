package awsapi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts is what eachText visits, in order.
func texts(doc string) (got []string, err error) {
	err = eachText([]byte(doc), func(path, text string) { got = append(got, path+"="+text) })
	return got, err
}

func TestEachText(t *testing.T) {
	for _, tc := range []struct {
		name, doc string
		want      []string // nil: refused
	}{
		{"nested", `<a><b>x</b><c><d>y</d></c></a>`, []string{"a/b=x", "a/c/d=y"}},
		{"declaration, comment, attributes", "<?xml version=\"1.0\"?>\n<!-- <x> -->\n<a xmlns=\"u>v\" k='\"'><b >x</b ></a>\n", []string{"a/b=x"}},
		{"empty elements", `<a><b/><c></c></a>`, []string{"a/b=", "a/c="}},
		{"escapes", `<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x20ac;</a>`, []string{`a=<>&"'A€`}},
		{"a comment inside a text", `<a>x<!-- y -->z</a>`, []string{"a=xz"}},
		{"space is text", "<a> x\n</a>", []string{"a= x\n"}},
		{"nothing", ``, nil},
		{"no element", ` `, nil},
		{"not closed", `<a><b>x</b>`, nil},
		{"crossed", `<a><b></a></b>`, nil},
		{"two roots", `<a></a><b></b>`, nil},
		{"text outside", `<a></a>x`, nil},
		{"unknown escape", `<a>&nbsp;</a>`, nil},
		{"half an escape", `<a>&lt</a>`, nil},
		{"a surrogate", `<a>&#xd800;</a>`, nil},
		{"document type", `<!DOCTYPE a [<!ENTITY x "y">]><a>x</a>`, nil},
		{"CDATA", `<a><![CDATA[x]]></a>`, nil},
		{"not UTF-8", "<a>\xff</a>", nil},
		{"too deep", strings.Repeat("<a>", 17) + strings.Repeat("</a>", 17), nil},
		{"JSON", `{"a":"b"}`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := texts(tc.doc)
			if (err == nil) != (tc.want != nil) {
				t.Fatalf("%q, %v", got, err)
			}
			if err == nil {
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// What both this reader and encoding/xml accept, they read alike.
func FuzzEachText(f *testing.F) {
	f.Add(`<a k="v"><b>x&amp;y</b><c/></a>`)
	f.Add(`<?xml version="1.0"?><!-- c --><a>x</a>`)
	f.Fuzz(func(t *testing.T, doc string) {
		got, err := texts(doc)
		if err != nil {
			return
		}
		if want, ok := slowTexts(doc); ok && !cmp.Equal(want, got) {
			t.Fatalf("%q: %q, encoding/xml has %q", doc, got, want)
		}
	})
}

func slowTexts(doc string) (got []string, ok bool) {
	type level struct {
		name string
		text bytes.Buffer
		leaf bool
	}
	var open []*level
	for dec := xml.NewDecoder(strings.NewReader(doc)); ; {
		token, err := dec.RawToken()
		if err != nil {
			return got, errors.Is(err, io.EOF) && len(open) == 0
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > 0 {
				open[len(open)-1].leaf = false
			}
			name := token.Name.Local
			if token.Name.Space != "" {
				name = token.Name.Space + ":" + name
			}
			open = append(open, &level{name: name, leaf: true})
		case xml.EndElement:
			if len(open) == 0 {
				return got, false
			}
			last := open[len(open)-1]
			if last.leaf {
				path := ""
				for _, l := range open {
					path += l.name + "/"
				}
				got = append(got, strings.TrimSuffix(path, "/")+"="+last.text.String())
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if strings.Contains(doc, "\r") {
				return nil, false // normalised there, kept here
			}
			if len(open) > 0 {
				open[len(open)-1].text.Write(token)
			}
		case xml.Directive:
			return nil, false
		}
	}
}
