// Package lineschema has the JSON Schemas of lines that the extension prints
// and of errors that it answers with, for GET /schemas/NAME.json.
//
// The rule a reader could break: nobody edits them here. They are printed from
// the tables in code by make generate, and a test compares.
package lineschema

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the schemas
	"io"

	"powertools-extension/internal/jmes"
)

// packed is one object of schemas by name: a fifth of what their printer would
// add to the binary.
//
//go:embed schemas.json.gz
var packed []byte

// Find returns a schema as JSON, nil if there is none of the name.
func Find(name string) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	v, err := jmes.Parse(all)
	if err != nil {
		return nil, err
	}
	return v.Field(name).Raw(), nil
}
