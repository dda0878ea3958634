package layers

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxLayer is the unzipped limit of a function with all its layers. (Lambda quotas)
const maxLayer = 250 << 20

// isZip looks at the first bytes: a layer need not be called .zip.
func isZip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("PK\x03\x04"))
}

// inZip unpacks a layer into dir and lists its extensions.
func inZip(path, dir string) ([]string, error) {
	if err := unzip(path, dir); err != nil {
		return nil, fmt.Errorf("layer %s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "extensions")); err != nil {
		return nil, fmt.Errorf("layer %s: it has no extensions/ folder, so Lambda would start nothing from it", path)
	}
	return inDirectory(dir)
}

// unzip writes every file below dir. os.Root refuses what would leave it,
// through names or through links.
func unzip(path, dir string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxLayer)
	for _, f := range archive.File {
		n, err := unpack(root, f, left)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		left -= n
	}
	return nil
}

// unpack writes one file and returns its size.
func unpack(root *os.Root, f *zip.File, left int64) (int64, error) {
	name := filepath.FromSlash(strings.TrimSuffix(f.Name, "/"))
	if !filepath.IsLocal(name) {
		return 0, errors.New("its name leads out of the layer")
	}
	mode := f.Mode()
	if mode.IsDir() || strings.HasSuffix(f.Name, "/") {
		return 0, root.MkdirAll(name, 0o700)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return 0, err
	}
	content, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer content.Close()
	switch {
	case mode&os.ModeSymlink != 0:
		return link(root, name, content)
	case !mode.IsRegular():
		return 0, errors.New("is neither file, folder nor link")
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm()|0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(content, left+1))
	if n > left {
		err = fmt.Errorf("the layer is larger than %d MB unzipped, Lambda's limit", maxLayer>>20)
	}
	return n, errors.Join(err, out.Close())
}

// link makes a symbolic link whose target stays inside the layer.
func link(root *os.Root, name string, content io.Reader) (int64, error) {
	target, err := io.ReadAll(io.LimitReader(content, 4096))
	if err != nil {
		return 0, err
	}
	if !filepath.IsLocal(filepath.Join(filepath.Dir(name), string(target))) || filepath.IsAbs(string(target)) {
		return 0, errors.New("is a link that leads out of the layer")
	}
	return 0, root.Symlink(string(target), name)
}
