package paramcache

import (
	"fmt"
	"io"
)

// Secret is text that no formatter and no encoder prints. A string type cannot
// shut three doors, so nobody may use them: the verbs %p and %w, for which fmt
// asks no method (go vet refuses %w), and the keys of a map, for which
// encoding/json asks none.
type Secret string

// Reveal returns the text. The only callers are the local API's answer
// writers and the transforms.
func (s Secret) Reveal() string { return string(s) }

const redacted = "[redacted]"

// String returns [redacted]; so do all other ways to print a Secret.
func (Secret) String() string { return redacted }

// GoString returns [redacted].
func (Secret) GoString() string { return redacted }

// Format prints [redacted] for every verb: without it %x and %d would reach
// the bytes.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns [redacted], which also covers encoding/json and zap.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
