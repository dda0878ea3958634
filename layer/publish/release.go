package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// release is layers.json: what a release is made of, and where it lies.
type release struct {
	Version string                `json:"version"`
	Layers  map[string]*published `json:"layers"` // by architecture
}

// published is the layer of one architecture.
type published struct {
	SHA256 string            `json:"sha256"` // of the zip, in hexadecimal
	ARNs   map[string]string `json:"arns"`   // by region
}

func (r *release) add(at place, arn string) {
	l := r.Layers[at.layer.arch]
	if l == nil {
		l = &published{SHA256: fmt.Sprintf("%x", at.layer.sum), ARNs: map[string]string{}}
		r.Layers[at.layer.arch] = l
	}
	l.ARNs[at.region] = arn
}

// write keeps what the file says of other regions, if it speaks of the same zips.
func (r *release) write(path string) error {
	var before release
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &before) == nil && before.Version == r.Version {
		for arch, l := range before.Layers {
			if now := r.Layers[arch]; now != nil && l != nil && now.SHA256 == l.SHA256 {
				for region, arn := range l.ARNs {
					if now.ARNs[region] == "" {
						now.ARNs[region] = arn
					}
				}
			}
		}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// table is the release as Markdown, for its notes.
func (r *release) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| region | architecture | ARN of %s |\n|---|---|---|\n", r.Version)
	for _, arch := range slices.Sorted(maps.Keys(r.Layers)) {
		for _, region := range slices.Sorted(maps.Keys(r.Layers[arch].ARNs)) {
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", region, arch, r.Layers[arch].ARNs[region])
		}
	}
	for _, arch := range slices.Sorted(maps.Keys(r.Layers)) {
		fmt.Fprintf(&b, "\nsha256 of the zip for %s: `%s`", arch, r.Layers[arch].SHA256)
	}
	return b.String() + "\n"
}
