// Command bench measures the extension against the bare one and prints one
// table. Every figure is a ratio taken in this run, from interleaved rounds,
// because absolute times on a shared machine drift.
//
// The rule a reader could break: load goes to loopback only and is bounded in
// count, and nothing here fails a build: hard limits are tests.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 5, "interleaved rounds")
	starts := flag.Int("starts", 20, "starts per round and binary")
	gets := flag.Int("gets", 20_000, "cached reads per round and binary")
	extension := flag.String("extension", "bin/powertools-extension", "the binary to measure; make bench builds it as it ships")
	write := flag.String("write", "", "also write the table to this file")
	flag.Parse()
	log.SetFlags(0)
	if inNamespace() {
		return
	}
	mountHosts()

	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ours, err := filepath.Abs(*extension)
	if err != nil {
		log.Fatal(err)
	}
	bare := build(dir, "bare", "./test/bench/bare")

	table := header()
	for _, row := range measureStart(ours, bare, *rounds, *starts) {
		table += row
	}
	table += measureInit(ours, bare)
	for _, row := range measureGets(servers(dir, ours, bare), *rounds, *gets) {
		table += row
	}
	table += measureSize(ours, bare)
	for _, row := range measureBenchmarks() {
		table += row
	}
	for _, row := range elsewhere() {
		table += row
	}
	table += missed(table)
	fmt.Print(table)
	if *write != "" {
		if err := os.WriteFile(*write, []byte(page(table)), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func build(dir, name, pkg string) string {
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatalf("build %s: %v", pkg, err)
	}
	return path
}

func page(table string) string {
	return fmt.Sprintf(`# Performance

Printed by %s on %s, %s/%s, %d cores, %s. Trust the ratios: all sides ran in the same minutes,
interleaved; absolute times belong to that machine. "bare" is the smallest honest Go extension (test/bench/bare):
two listeners, register, subscribe, next, with every answer read whole; as a server it is the constant net/http handler.

%s`, "`make bench`", time.Now().Format("2006-01-02"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), table)
}
