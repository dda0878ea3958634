package show

import (
	"fmt"
	"io"

	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

// XRay prints what reaches the built-in X-Ray daemon, and hands all entries on.
func XRay(w io.Writer, next func(lambdaemu.Entry)) func(lambdaemu.Entry) {
	return func(e lambdaemu.Entry) {
		if e.What == transcript.XRay {
			for _, line := range fold("lambdaemu: X-Ray got "+e.Detail, "           ", 80) {
				fmt.Fprintln(w, line)
			}
		}
		if next != nil {
			next(e)
		}
	}
}
