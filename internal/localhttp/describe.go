package localhttp

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the API description
	"fmt"
	"io"
	"strings"

	"powertools-extension/internal/localhttp/lineschema"
	"powertools-extension/internal/localhttp/wire"
)

// UnknownVersion is the extension's version in the stored API description;
// GET /openapi.json puts the true one in its place.
const UnknownVersion = "0.0.0"

// openAPI is the description as printed by reference/apidoc: it is a tenth
// of what the descriptions and their printer would add to the binary.
//
//go:embed openapi.json.gz
var openAPI []byte

// Document is the API description as an OpenAPI 3.1 document in JSON.
func Document(version string) ([]byte, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(openAPI))
	if err != nil {
		return nil, fmt.Errorf("unpack the api description: %w", err)
	}
	doc, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpack the api description: %w", err)
	}
	stored := wire.AppendString([]byte(`"version":`), UnknownVersion)
	return bytes.Replace(doc, stored, wire.AppendString([]byte(`"version":`), orElse(version, UnknownVersion)), 1), nil
}

func getOpenAPI(s *Server, x *exchange) error {
	doc, err := Document(s.opt.Version)
	if err != nil {
		return err
	}
	x.out = append(x.out, doc...)
	return x.send(200, s.set.json)
}

// getSchema is GET /schemas/{name}: of lines that are printed, or of errors.
func getSchema(s *Server, x *exchange) error {
	name, _ := strings.CutSuffix(x.vars[0], ".json")
	found, err := lineschema.Find(name)
	if err != nil || found == nil || name == x.vars[0] {
		return s.fail(CodeUnknownLineSchema, "")
	}
	x.out = append(x.out, found...)
	return x.send(200, s.set.json)
}
