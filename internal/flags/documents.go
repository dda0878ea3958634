package flags

import (
	"sync"

	"powertools-extension/internal/jmes"
)

// maxDocuments bounds how many documents are kept compiled: each comes from
// another place or through another envelope.
const maxDocuments = 16

// Documents keeps the last good version of each document. The zero value is
// ready to use; safe for concurrent use.
type Documents struct {
	mu    sync.Mutex
	kept  map[string]*kept
	order []string // oldest first
}

type kept struct {
	text string    // that was compiled last, or refused
	good *Document // of the last text that compiled; nil: none has
	err  error     // of text; nil: it is good's
	told bool      // its error was handed out as news
}

// Compile returns the document of a text. The key says where the text comes
// from; the same text is compiled once. A text that cannot be used gives the
// document of the last one that could, beside the error; news is true the
// first time. Without such a document it is nil.
func (d *Documents) Compile(key, text string, envelope *jmes.Expression) (doc *Document, news bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.kept[key]
	if k == nil {
		k = d.addLocked(key)
	}
	if k.text != text || k.good == nil && k.err == nil {
		good, err := compileText(text, envelope)
		k.text, k.err, k.told = text, err, false
		if err == nil {
			k.good = good
		}
	}
	news = k.err != nil && !k.told
	k.told = true
	return k.good, news, k.err
}

// Usable is Compile for who asks for no more than a document: the last good one
// while a new one is bad.
func (d *Documents) Usable(key, text string, envelope *jmes.Expression) (*Document, error) {
	doc, _, err := d.Compile(key, text, envelope)
	if doc != nil {
		return doc, nil
	}
	return nil, err
}

func (d *Documents) addLocked(key string) *kept {
	if d.kept == nil {
		d.kept = make(map[string]*kept)
	}
	if len(d.order) == maxDocuments {
		delete(d.kept, d.order[0])
		d.order = d.order[1:]
	}
	k := &kept{}
	d.kept[key] = k
	d.order = append(d.order, key)
	return k
}

// Forget drops everything: nothing of it survives a snapshot.
func (d *Documents) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept, d.order = nil, nil
}

func compileText(text string, envelope *jmes.Expression) (*Document, error) {
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		return nil, &SchemaError{Msg: "is not JSON"}
	}
	if envelope != nil {
		if v, err = envelope.Search(v); err != nil {
			return nil, &SchemaError{Msg: "does not fit its envelope: " + err.Error()}
		}
		if v.Kind() == jmes.Null {
			return nil, &SchemaError{Msg: "has nothing where its envelope looks"}
		}
	}
	return Compile(v)
}
