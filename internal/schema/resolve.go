package schema

import (
	"embed"
	"net/url"
	"strconv"
	"strings"

	"powertools-extension/internal/jmes"
)

// The metaschemas of the dialects that a schema may refer to.
//
//go:embed meta/*.json
var metaschemas embed.FS

type dialect uint8

const (
	draft7 dialect = iota
	draft2019
	draft2020
)

// dialectOf reads $schema. Earlier drafts are taken as draft-07 as far as a
// document stays within its words.
func dialectOf(uri string) (dialect, bool) {
	switch strings.TrimSuffix(strings.Replace(uri, "https://", "http://", 1), "#") {
	case "", "http://json-schema.org/schema", "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-04/schema":
		return draft7, true
	case "http://json-schema.org/draft/2019-09/schema":
		return draft2019, true
	case "http://json-schema.org/draft/2020-12/schema":
		return draft2020, true
	}
	return 0, false
}

// location is a schema in one of the documents.
type location struct {
	doc     string // URI of the document
	pointer string // JSON pointer into it
	value   jmes.Value
	base    *url.URL
	dialect dialect
}

func (l location) key() string { return l.doc + "#" + l.pointer }

// at steps into the value.
func (l location) at(v jmes.Value, steps ...string) location {
	l.value = v
	for _, s := range steps {
		l.pointer += "/" + escape(s)
	}
	return l
}

// registry finds schemas by URI.
type registry struct {
	load      func(name string) ([]byte, error) // a file beside the schema; nil: none
	resources map[string]location               // by absolute URI without fragment
	anchors   map[string]location               // by URI#name
	dynamic   map[string]map[string]location    // $dynamicAnchor: by name, by URI
	bases     map[string]*url.URL               // of resources, by location
	indexed   map[string]bool
}

func newRegistry(load func(string) ([]byte, error)) *registry {
	return &registry{
		load: load, resources: map[string]location{}, anchors: map[string]location{},
		dynamic: map[string]map[string]location{}, bases: map[string]*url.URL{}, indexed: map[string]bool{},
	}
}

// add takes in a whole document.
func (g *registry) add(uri string, v jmes.Value, d dialect) (location, error) {
	base, err := url.Parse(uri)
	if err != nil {
		return location{}, err
	}
	if s := v.Field("$schema"); s.Kind() != jmes.Null {
		known, ok := dialectOf(s.Str())
		if !ok {
			return location{}, &Error{Pointer: "/$schema", Keyword: "$schema", Msg: "is not draft-07, 2019-09 or 2020-12"}
		}
		d = known
	}
	l := location{doc: uri, value: v, base: base, dialect: d}
	g.resources[uri] = l
	g.bases[l.key()] = base
	g.index(l)
	if b := g.bases[l.key()]; b != nil {
		l.base = b
	}
	return l, nil
}

// subschemas are the keywords below which schemas stand: one, a list, or an
// object of them.
func subschemas() (single, lists, objects []string) {
	single = []string{"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties", "contentSchema"}
	lists = []string{"allOf", "anyOf", "oneOf", "items", "prefixItems"}
	objects = []string{"$defs", "definitions", "dependentSchemas", "patternProperties", "properties", "dependencies"}
	return single, lists, objects
}

// index finds the names of a schema and of all that stand below it.
func (g *registry) index(l location) {
	if l.value.Kind() != jmes.Object || g.indexed[l.key()] {
		return
	}
	g.indexed[l.key()] = true
	ref := l.value.Field("$ref").Kind() == jmes.String
	if id := l.value.Field("$id"); id.Kind() == jmes.String && !(ref && l.dialect == draft7) {
		g.identify(&l, id.Str())
	}
	if name := l.value.Field("$anchor"); name.Kind() == jmes.String && l.dialect != draft7 {
		g.anchors[uriOf(l.base)+"#"+name.Str()] = l
	}
	if name := l.value.Field("$dynamicAnchor"); name.Kind() == jmes.String && l.dialect == draft2020 {
		g.anchors[uriOf(l.base)+"#"+name.Str()] = l
		g.addDynamic(name.Str(), l)
	}
	if l.value.Field("$recursiveAnchor").True() && l.dialect == draft2019 {
		g.addDynamic("", l)
	}
	single, lists, objects := subschemas()
	for _, k := range single {
		g.index(l.at(l.value.Field(k), k))
	}
	for _, k := range lists {
		for i, e := range l.value.Field(k).Elements() {
			g.index(l.at(e, k, strconv.Itoa(i)))
		}
	}
	for _, k := range objects {
		for _, m := range l.value.Field(k).Members() {
			g.index(l.at(m.Value, k, m.Name))
		}
	}
}

func (g *registry) addDynamic(name string, l location) {
	if g.dynamic[name] == nil {
		g.dynamic[name] = map[string]location{}
	}
	g.dynamic[name][uriOf(l.base)] = l
}

func (g *registry) identify(l *location, id string) {
	uri, err := l.base.Parse(id)
	if err != nil {
		return
	}
	if l.dialect == draft7 && strings.HasPrefix(id, "#") {
		g.anchors[uriOf(l.base)+id] = *l
		return
	}
	l.base = uri
	g.bases[l.key()] = uri
	g.resources[uriOf(uri)] = *l
	if l.dialect == draft7 && uri.Fragment != "" {
		g.anchors[uriOf(uri)+"#"+uri.Fragment] = *l
	}
}

// uriOf is the URI of a resource: without its fragment.
func uriOf(u *url.URL) string {
	without := *u
	without.Fragment, without.RawFragment = "", ""
	return without.String()
}

// find resolves a reference.
func (g *registry) find(from location, ref string) (location, bool) {
	uri, err := from.base.Parse(ref)
	if err != nil {
		return location{}, false
	}
	if strings.HasPrefix(ref, "#") { // a URN has no path that Parse could join
		copied := *from.base
		if copied.Fragment, err = url.PathUnescape(ref[1:]); err != nil {
			return location{}, false
		}
		uri = &copied
	}
	l, ok := g.resource(uriOf(uri), from.dialect)
	switch {
	case !ok:
		return location{}, false
	case uri.Fragment == "":
		return l, true
	case uri.Fragment[0] != '/':
		l, ok = g.anchors[uriOf(uri)+"#"+uri.Fragment]
		return l, ok
	}
	return g.walk(l, uri.Fragment)
}

func (g *registry) resource(uri string, d dialect) (location, bool) {
	if l, ok := g.resources[uri]; ok {
		return l, true
	}
	var text []byte
	var err error
	if name, isMeta := metaschema(uri); isMeta {
		text, err = metaschemas.ReadFile("meta/" + name)
	} else if name, isFile := strings.CutPrefix(uri, fileBase); isFile && g.load != nil {
		text, err = g.load(name)
	} else {
		return location{}, false
	}
	if err != nil {
		return location{}, false
	}
	v, err := jmes.Parse(text)
	if err != nil {
		return location{}, false
	}
	if _, err = g.add(uri, v, d); err != nil {
		return location{}, false
	}
	return g.resources[uri], true
}

func metaschema(uri string) (file string, ok bool) {
	if uri == "http://json-schema.org/draft-07/schema" {
		return "draft-07.json", true
	}
	rest, ok := strings.CutPrefix(uri, "https://json-schema.org/draft/")
	return strings.ReplaceAll(rest, "/", "-") + ".json", ok
}

// walk follows a JSON pointer, and the resources that begin on its way.
func (g *registry) walk(l location, pointer string) (location, bool) {
	for step := range strings.SplitSeq(pointer[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch l.value.Kind() {
		case jmes.Object:
			found := false
			for _, m := range l.value.Members() {
				if m.Name == step {
					l, found = l.at(m.Value, step), true
				}
			}
			if !found {
				return location{}, false
			}
		case jmes.Array:
			i, err := strconv.Atoi(step)
			list := l.value.Elements()
			if err != nil || i < 0 || i >= len(list) {
				return location{}, false
			}
			l = l.at(list[i], step)
		default:
			return location{}, false
		}
		if base := g.bases[l.key()]; base != nil {
			l.base = base
		}
	}
	g.index(l)
	return l, true
}
