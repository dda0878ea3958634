package awsparams

import (
	"encoding/base64"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/paramcache"
)

// maxKeyTypes bounds what is remembered of tables.
const maxKeyTypes = 256

// keyAttribute is one attribute of a table's key.
type keyAttribute struct{ table, region, role, attribute string }

// keyPart is an attribute of a key and its value as text: of a number its
// digits, of bytes their base64.
type keyPart struct{ attribute, text string }

// typed makes a call whose key has the types of the table's. A request does not
// say them: most keys are strings, so that is tried first; where the table
// refuses it, what else the text can be. Some emulators do not refuse but find
// nothing, so digits are tried as a number then. What was right is remembered.
// call tells whether it found anything.
func (p *Provider) typed(ref paramcache.Ref, parts []keyPart, call func([]keyValue) (found bool, err error)) error {
	var refused error
	nothing := false
	for _, types := range p.typesOf(ref, parts) {
		if nothing && slices.Contains(types, "B") {
			continue
		}
		values := make([]keyValue, len(parts))
		for i, part := range parts {
			values[i] = keyValue{types[i]: part.text}
		}
		found, err := call(values)
		failed, ok := errors.AsType[*paramcache.Error](err)
		switch {
		case found:
			p.learn(ref, parts, types)
			return nil
		case err == nil:
			nothing = true
		case !ok || failed.Code != "ValidationException":
			return err
		case refused == nil:
			refused = err
		}
	}
	if nothing {
		return nil
	}
	return refused
}

// typesOf are the types to try, the most likely first.
func (p *Provider) typesOf(ref paramcache.Ref, parts []keyPart) [][]string {
	all := [][]string{nil}
	for _, part := range parts {
		var longer [][]string
		for _, types := range all {
			for _, t := range p.typesOfPart(ref, part) {
				longer = append(longer, append(types[:len(types):len(types)], t))
			}
		}
		all = longer
	}
	return all
}

func (p *Provider) typesOfPart(ref paramcache.Ref, part keyPart) []string {
	p.mu.Lock()
	known := p.keyTypes[keyOf(ref, part)]
	p.mu.Unlock()
	types := []string{"S"}
	if v := jsontext.Value(part.text); v.Kind() == '0' && v.IsValid() {
		types = append(types, "N")
	}
	if _, err := base64.StdEncoding.DecodeString(part.text); err == nil {
		types = append(types, "B")
	}
	for i, t := range types {
		if t == known { // first, and the others in case the table was made anew
			types[0], types[i] = types[i], types[0]
		}
	}
	return types
}

func (p *Provider) learn(ref paramcache.Ref, parts []keyPart, types []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, part := range parts {
		if p.keyTypes[keyOf(ref, part)] == types[i] || types[i] == "S" && p.keyTypes[keyOf(ref, part)] == "" {
			continue
		}
		if len(p.keyTypes) >= maxKeyTypes {
			clear(p.keyTypes)
		}
		p.keyTypes[keyOf(ref, part)] = types[i]
	}
}

func keyOf(ref paramcache.Ref, part keyPart) keyAttribute {
	return keyAttribute{ref.Name, ref.ReadIn(), ref.RoleARN, part.attribute}
}
