package main

import (
	"archive/zip"
	"compress/flate"
	"io"
	"log"
	"os"
)

func measureSize(ours, bare string) string {
	mb := func(n int64) float64 { return float64(n) / 1e6 }
	return capped("binary, stripped", mb(fileSize(ours)), mb(fileSize(bare)), "MB", 10.2) +
		capped("the same, packed", mb(zipSize(ours)), mb(zipSize(bare)), "MB", 4.8)
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
