package show

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"powertools-extension/lambdaemu"
)

// likelyCause names the probable cause of a failed invocation and its cure,
// "" when nothing can be said that the error does not say itself.
func likelyCause(o Outcome, command []string, timeout time.Duration) string {
	if o.ok() || len(command) == 0 {
		return ""
	}
	said := spoken(o.Lines)
	interpreter := filepath.Base(command[0])
	for _, known := range []struct{ sign, cause string }{
		{"No module named awslambdaric", "the runtime client is not installed for this interpreter: " + command[0] + " -m pip install awslambdaric"},
		{"No module named 'awslambdaric'", "the runtime client is not installed for this interpreter: " + command[0] + " -m pip install awslambdaric"},
		{"Runtime.ImportModuleError", "the handler's module or one of its imports is not found from the working directory; set --dir, or PYTHONPATH with --env"},
		{"Runtime.HandlerNotFound", "the module has no function of that name; check the handler in the command and --handler"},
		{"Cannot find module", "a Node.js package is missing below the working directory: npm install, or set --dir"},
		{"exec format error", "the binary is built for another architecture or system: build it for linux on this machine's architecture"},
		{"error while loading shared libraries", "a shared library of the binary is missing here"},
		{"address already in use", "a port the function or an extension wants is taken, perhaps by another run that is still there"},
	} {
		if strings.Contains(said, known.sign) {
			return known.cause
		}
	}
	return causeOfType(o, interpreter, said != "", timeout)
}

func causeOfType(o Outcome, interpreter string, spoke bool, timeout time.Duration) string {
	if timeout == 0 {
		timeout = 3 * time.Second
	}
	switch kind := o.Response.ErrorType; {
	case kind == "Sandbox.Timedout":
		return fmt.Sprintf("no answer within %s; --timeout gives it longer", timeout)
	case kind == "Runtime.ExitError" && o.Number == 1 && !spoke:
		return interpreter + " ended without a word and without asking for an invocation: the command must start a runtime (a bootstrap, or a runtime client such as python3 -m awslambdaric app.handler), not the file with the handler"
	case kind == "Runtime.ExitError":
		return "the function's process ended; its last lines above say why"
	case kind == "Runtime.InvalidEntrypoint":
		return "the command could not be started: is it executable, and built for this machine?"
	case kind == "Extension.LaunchError":
		return "an extension could not be started: is it executable, and built for this machine?"
	case strings.HasPrefix(kind, "Extension."):
		return "an extension failed, and Lambda ends the sandbox then; its lines above say why"
	}
	return ""
}

// spoken is what the function and the extensions printed.
func spoken(lines []lambdaemu.Line) string {
	var b strings.Builder
	for _, line := range lines {
		if line.Origin != lambdaemu.OriginPlatform {
			b.WriteString(line.Text + "\n")
		}
	}
	return b.String()
}
