// Package taskfile reads files that a function brings with it: regular ones
// below its task root, of a bounded size.
//
// The rule a reader could break: names come from variables and from requests.
// Nothing above the root is read, not through a link either.
package taskfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// MaxSize is the size of the largest file that is read, in bytes.
const MaxSize = 1 << 20

// ErrNone says that a name is none of a file that can be read, and nothing
// else about it.
var ErrNone = errors.New("no regular file of at most 1 MiB below the task root")

// Read returns the file of a name that is relative to the root, or begins with
// it. The error is ErrNone.
func Read(root, name string) ([]byte, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, ErrNone
	}
	defer dir.Close()
	name = filepath.FromSlash(Relative(root, name))
	info, err := dir.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > MaxSize {
		return nil, ErrNone
	}
	text, err := dir.ReadFile(name)
	if err != nil || len(text) > MaxSize {
		return nil, ErrNone
	}
	return text, nil
}

// Relative is a file's name below the root.
func Relative(root, name string) string {
	return strings.TrimPrefix(name, strings.TrimSuffix(filepath.ToSlash(root), "/")+"/")
}
