// Command layer builds the layer: one zip per architecture with the extension
// where Lambda looks for it, extensions/powertools-extension, and the wrapper
// before the runtime, powertools-wrapper.
//
//	go run ./layer -version v1.2.3
//	go run ./layer -binary bin/powertools-extension    (for this machine, the wrapper beside it)
//
// The rule a reader could break: the same source, version and Go give the same
// bytes, on any machine and on any day. So nothing may enter a zip that is
// not in the source: no time, no path, no environment, no order of a map.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
)

// architecture is one layer: Lambda's name for it and Go's.
type architecture struct{ lambda, goarch string }

func architectures() []architecture {
	return []architecture{{"x86_64", "amd64"}, {"arm64", "arm64"}}
}

func main() {
	log.SetFlags(0)
	version := flag.String("version", "dev", "what the extension prints as its version")
	out := flag.String("out", "dist", "folder of the zips")
	source := flag.String("source", "./cmd/extension", "package of the extension")
	wrapper := flag.String("wrapper", "./cmd/wrapper", "package of the wrapper")
	binary := flag.String("binary", "", "build no layer but the extension for this machine, as it ships, into this file, and powertools-wrapper beside it")
	texts := flag.String("texts", ".", "folder of LICENSE and NOTICE")
	flag.Parse()
	files := programs(*source, *wrapper)
	if *binary != "" {
		here := architecture{"this machine", runtime.GOARCH}
		for i, path := range []string{*binary, filepath.Join(filepath.Dir(*binary), "powertools-wrapper")} {
			if err := build(path, files[i], *version, here); err != nil {
				log.Fatal(err)
			}
		}
		return
	}
	for _, arch := range architectures() {
		path := filepath.Join(*out, "powertools-extension-"+arch.lambda+".zip")
		if err := layer(path, files, documents(*texts), *version, arch); err != nil {
			log.Fatal(err)
		}
		if err := report(path); err != nil {
			log.Fatal(err)
		}
	}
}

// layer builds the programs and writes the zip.
func layer(path string, files []program, texts []document, version string, arch architecture) error {
	dir, err := os.MkdirTemp("", "layer")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, p := range files {
		if err := build(filepath.Join(dir, p.entry), p, version, arch); err != nil {
			return err
		}
	}
	return writeZip(path, dir, files, texts)
}

func report(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fmt.Printf("%s  %.2f MB  sha256 %x\n", path, float64(len(data))/1e6, sha256.Sum256(data))
	return nil
}
