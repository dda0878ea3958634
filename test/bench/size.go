package main

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"log"
	"os"
)

func measureSize(ours, bare string) string {
	raw, rawBase := fileSize(ours), fileSize(bare)
	packed, packedBase := zipSize(ours), zipSize(bare)
	mb := func(n int64) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }
	return row("binary, stripped", mb(raw), mb(rawBase), fmt.Sprintf("%.2f", float64(raw)/float64(rawBase)), "≤ 8 MB") +
		row("layer zip", mb(packed), mb(packedBase), fmt.Sprintf("%.2f", float64(packed)/float64(packedBase)), "≤ 3.1 MB")
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		log.Fatal(err)
	}
	return info.Size()
}

// zipSize compresses as hard as the layer is compressed.
func zipSize(path string) int64 {
	var n counter
	w := zip.NewWriter(&n)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	entry, err := w.Create("extensions/powertools-extension")
	if err != nil {
		log.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(entry, f); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return int64(n)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
