package reference

import (
	"fmt"
	"strings"

	"powertools-extension/lambdaemu"
)

func emulator() string {
	var b strings.Builder
	b.WriteString("# lambdaemu: faults\n\n`lambdaemu --fault NAME[:ARG][@FROM]`: FROM is the first invocation, counted from 1, that the fault applies to. `lambdaemu --help` lists the flags.\n\n| fault | argument | what happens |\n|---|---|---|\n")
	for _, f := range lambdaemu.FaultNames() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, cell(f.Arg), cell(f.Meaning))
	}
	return b.String()
}
