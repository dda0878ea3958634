package lambdaemu

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"powertools-extension/lambdaemu/internal/child"
)

// wrapperKey names the program that managed runtimes start in the place of the
// runtime, with the runtime's command as its arguments (AWS page:
// runtimes-modify).
const wrapperKey = "AWS_LAMBDA_EXEC_WRAPPER"

// bootstrap does what a managed runtime's /var/runtime/bootstrap does before it
// becomes the runtime. A shell does it there and here, so what a shell makes of a
// program (no shebang, a missing interpreter) is the same; $0 is the wrapper.
const bootstrap = `if [ ! -f "$0" ]; then echo "$0: does not exist"; exit 127; fi
if [ ! -x "$0" ]; then echo "$0: is not an executable"; exit 126; fi
exec "$0" "$@"`

// osOnly reports whether the runtime is one of those that bring nothing but the
// operating system, as Go, Rust and custom runtimes use; no wrapper is started
// there unless the function's own bootstrap does it.
func (o *Options) osOnly() bool { return strings.HasPrefix(o.Runtime, "provided") }

// runtimeCommand is what the platform executes to start the function.
func (s *sandbox) runtimeCommand() child.Command {
	c := child.Command{
		Name: whoRuntime, Path: s.opt.Command[0], Args: s.opt.Command[1:], Dir: s.opt.Dir, Env: s.env.runtime(),
		Split: s.opt.SplitOutput, Framed: s.opt.framed(), Pace: s.logPace,
		AwaitEOF: func() bool { return s.faults.Hit("log-reader-eof") },
	}
	wrapper := s.opt.Env[wrapperKey]
	switch {
	case wrapper == "":
	case s.opt.osOnly():
		s.script.Add(whoRuntime, "wrapper", "not started: runtime "+s.opt.Runtime+" does not know "+wrapperKey)
	default:
		s.script.Add(whoRuntime, "wrapper", filepath.Base(wrapper))
		c.Path, c.Args = "/bin/sh", append([]string{"-c", bootstrap, wrapper}, s.opt.Command...)
	}
	return c
}

// runtimeID guesses Lambda's identifier of the runtime from the command's name.
func runtimeID(command string) string {
	name := filepath.Base(command)
	switch {
	case strings.HasPrefix(name, "python3."):
		return name
	case strings.HasPrefix(name, "python"):
		return "python3.13"
	case strings.HasPrefix(name, "node"):
		return "nodejs22.x"
	case strings.HasPrefix(name, "java"):
		return "java21"
	case strings.HasPrefix(name, "ruby"):
		return "ruby3.4"
	case strings.HasPrefix(name, "dotnet"):
		return "dotnet8"
	}
	return "provided.al2023"
}

// checkRuntime takes any version: AWS adds some every year.
func (o *Options) checkRuntime() error {
	if !regexp.MustCompile(`^(python\d|nodejs\d|java\d|ruby\d|dotnet\d|provided)[a-z0-9.]*$`).MatchString(o.Runtime) {
		return fmt.Errorf("runtime %q: use Lambda's identifier, e.g. python3.13, nodejs22.x, java21, ruby3.4, dotnet8, or provided.al2023 for a custom one", o.Runtime)
	}
	return nil
}

// executionEnv is AWS_EXECUTION_ENV. OS-only runtimes have none (AWS page:
// configuration-envvars).
func (o *Options) executionEnv() string {
	if o.osOnly() {
		return ""
	}
	return "AWS_Lambda_" + o.Runtime
}

// runtimeVersion has Lambda's form, e.g. python:3.13.v1; the version is ours.
func (o *Options) runtimeVersion() string {
	i := strings.IndexAny(o.Runtime+".", ".0123456789")
	name, version := o.Runtime[:i], strings.TrimSuffix(strings.TrimPrefix(o.Runtime[i:], "."), ".x")
	return strings.TrimSuffix(name+":"+version, ":") + ".v1"
}
