package lambdaemu_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

// function is a runtime in a few lines of shell: it takes an event and answers
// with it. A real test starts a real runtime client, e.g. python3 -m awslambdaric
// app.handler, or the binary of a Go function.
const function = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while event=$(curl -sS -D "$TMPDIR/head" "$api/next"); do
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\([^ \r]*\).*/\1/Ip' "$TMPDIR/head")
  echo "got $event"
  curl -sS -o /dev/null -d "$event" "$api/$id/response"
done
`

// extension registers for INVOKE and SHUTDOWN and waits for events until SHUTDOWN.
const extension = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H "Lambda-Extension-Name: $(basename "$0")" -d '{"events":["INVOKE","SHUTDOWN"]}' "$api/register" |
  sed -n 's/^Lambda-Extension-Identifier: *\([^ \r]*\).*/\1/Ip')
while event=$(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next"); do
  case $event in *SHUTDOWN*) exit 0 ;; esac
done
`

// write makes the programs of the examples; the function it returns deletes them.
func write(programs map[string]string) (dir string, done func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			log.Fatal(err)
		}
	}
	return dir, func() { os.RemoveAll(dir) }
}

// Start a function, invoke it, shut it down.
func Example() {
	dir, done := write(map[string]string{"bootstrap": function})
	defer done()
	ctx := context.Background()
	emu, err := lambdaemu.Start(ctx, lambdaemu.Options{Command: []string{filepath.Join(dir, "bootstrap")}})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(`{"order":7}`)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(resp.Payload), "cold start:", resp.ColdStart)
	exit, err := emu.Shutdown(ctx)
	fmt.Println(exit.Reason, err)
	// Output:
	// {"order":7} cold start: true
	// spindown <nil>
}

// A transcript for a golden file: nothing in it differs between two runs.
func ExampleRender() {
	dir, done := write(map[string]string{"bootstrap": function, "my-extension": extension})
	defer done()
	ctx := context.Background()
	emu, err := lambdaemu.Start(ctx, lambdaemu.Options{
		Command: []string{filepath.Join(dir, "bootstrap")},
		Layers:  []string{filepath.Join(dir, "my-extension")},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := emu.Invoke(ctx, lambdaemu.Request{}); err != nil {
		log.Fatal(err)
	}
	exit, _ := emu.Shutdown(ctx)
	fmt.Println("clean:", exit.Clean())
	fmt.Print(lambdaemu.Render(emu.Transcript()))
	// Output:
	// clean: true
	// == init init on-demand
	// my-extension exec my-extension
	// my-extension register INVOKE,SHUTDOWN → 200 <extension-1>
	// my-extension next
	// runtime      exec bootstrap
	// runtime      next
	// == init end success
	// == freeze
	// == thaw
	// == invoke <request-1>
	// my-extension INVOKE <request-1>
	// my-extension next
	// runtime      invocation <request-1>
	// runtime      response → 202
	// runtime      next
	// == invoke end success
	// == freeze
	// == thaw
	// == shutdown spindown
	// my-extension SHUTDOWN spindown
	// my-extension exit 0
	// runtime      SIGTERM
	// runtime      exit signal: terminated
	// == shutdown end
}

// A fault: from its second invocation on the extension's /next is refused once,
// and the extension, which leaves then, costs the function its environment.
func ExampleEmulator_SetFault() {
	dir, done := write(map[string]string{"bootstrap": function, "my-extension": strings.Replace(extension, "curl -sS -H", "curl -fsS -H", 1)})
	defer done()
	ctx := context.Background()
	emu, err := lambdaemu.Start(ctx, lambdaemu.Options{
		Command: []string{filepath.Join(dir, "bootstrap")},
		Layers:  []string{filepath.Join(dir, "my-extension")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer emu.Shutdown(ctx)
	refused, err := lambdaemu.ParseFault("next-500:1@2")
	if err != nil {
		log.Fatal(err)
	}
	if err := emu.SetFault(refused); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		resp, err := emu.Invoke(ctx, lambdaemu.Request{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("error %q, cold start %t\n", resp.ErrorType, resp.ColdStart)
	}
	// Output:
	// error "", cold start true
	// error "Extension.Crash", cold start false
	// error "", cold start true
}

// What each extension has used, from the data of the transcript.
func ExampleEmulator_Transcript() {
	dir, done := write(map[string]string{"bootstrap": function, "my-extension": extension})
	defer done()
	ctx := context.Background()
	emu, err := lambdaemu.Start(ctx, lambdaemu.Options{
		Command: []string{filepath.Join(dir, "bootstrap")}, Layers: []string{filepath.Join(dir, "my-extension")}, Detailed: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer emu.Shutdown(ctx)
	if _, err := emu.Invoke(ctx, lambdaemu.Request{Payload: []byte(`"hello"`)}); err != nil {
		log.Fatal(err)
	}
	for _, entry := range emu.Transcript() {
		switch data := entry.Data.(type) {
		case transcript.Line:
			if entry.Who == transcript.Runtime {
				fmt.Println("printed:", data.Text)
			}
		case transcript.Usage:
			fmt.Println(entry.Who, "uses memory:", data.RSSKB > 0)
		}
	}
	// Output:
	// printed: got "hello"
	// my-extension uses memory: true
}
