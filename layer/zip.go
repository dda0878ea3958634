package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"os"
	"path/filepath"
	"time"
)

// document is a text beside the programs.
type document struct{ source, entry string }

// documents are what whoever ships the programs has to give along. They have a
// folder of their own: all layers of a function share /opt.
func documents(dir string) []document {
	return []document{
		{filepath.Join(dir, "LICENSE"), "powertools-extension/LICENSE"},
		{filepath.Join(dir, "NOTICE"), "powertools-extension/NOTICE"},
	}
}

// writeZip packs the programs, which lie in dir under their names, executable,
// and the texts. The time is that of the oldest zip there can be, because the
// time of the build would change the sum of the layer every time.
func writeZip(path, dir string, files []program, texts []document) error {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, p := range files {
		if err := add(w, filepath.Join(dir, p.entry), p.entry, 0o755); err != nil {
			return err
		}
	}
	for _, d := range texts {
		if err := add(w, d.source, d.entry, 0o644); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, packed.Bytes(), 0o644)
}

func add(w *zip.Writer, source, entry string, mode os.FileMode) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: entry, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(mode)
	file, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return err
}
