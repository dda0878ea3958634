package variants

import "sync"

// maxDocuments bounds how many documents are kept read.
const maxDocuments = 16

// Documents keeps documents read, one version of each. The zero value is ready
// to use; safe for concurrent use.
type Documents struct {
	mu    sync.Mutex
	kept  map[string]document
	order []string // oldest first
}

type document struct {
	text  string
	flags *Flags
	err   error
}

// Answer is Flags.Answer of a document, which is read once per version. The key
// says where it comes from.
func (d *Documents) Answer(key, text string, names []string, c Context) ([]byte, error) {
	flags, err := d.read(key, text)
	if err != nil {
		return nil, err
	}
	return flags.Answer(names, c)
}

func (d *Documents) read(key, text string) (*Flags, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.kept[key]
	if ok && known.text == text {
		return known.flags, known.err
	}
	if d.kept == nil {
		d.kept = map[string]document{}
	}
	if !ok {
		if len(d.order) == maxDocuments {
			delete(d.kept, d.order[0])
			d.order = d.order[1:]
		}
		d.order = append(d.order, key)
	}
	flags, err := Parse(text)
	d.kept[key] = document{text, flags, err}
	return flags, err
}
