package main

import "fmt"

// Exit codes. The middle one covers failed invocations as well as what kept
// them from running.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake in the command line that shows only when files are read.
type usageError struct{ error }

func fail(p process, code int, err error) int {
	fmt.Fprintln(p.stderr, "lambdaemu:", err)
	if code == exitUsage {
		fmt.Fprintln(p.stderr, "lambdaemu --help lists the flags")
	}
	return code
}
