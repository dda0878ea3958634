// Command wrapper stands between Lambda and the function's runtime: it asks
// the extension for the address of its Runtime API proxy and for variables
// whose values come from parameters, and becomes the runtime's process.
//
//	/opt/powertools-wrapper COMMAND ARGS…
//
// On managed runtimes AWS_LAMBDA_EXEC_WRAPPER names it, in images it stands
// in the ENTRYPOINT, and on provided.* the project's bootstrap executes it.
//
// The rules a reader could break: whatever goes wrong here, the command is
// executed with the environment that came in, because a function that worked
// must work; the one exception is a variable that was to come from a
// parameter. And nothing is imported that imports net: it would double what
// this program adds to every cold start.
package main

import "os"

func main() {
	w := wrapper{args: os.Args[1:], env: readEnvironment(), self: "/proc/self/exe"}
	os.Exit(w.run())
}

// wrapper is one run. It ends in exec, which does not return, or with an
// exit code.
type wrapper struct {
	args []string // the command and its arguments
	env  environment
	self string // this program's own file
}

// run returns only if the command could not be executed, or must not be.
func (w *wrapper) run() int {
	if len(w.args) == 0 {
		say("ERROR", "no command: the wrapper stands before the runtime's command, as in /opt/powertools-wrapper COMMAND ARGS", nil)
		return exitNotFound
	}
	if code := w.prepare(); code != 0 {
		return code
	}
	return w.execute()
}

// prepare changes the environment as the extension says. A code other than 0
// is the end: the runtime must not start.
func (w *wrapper) prepare() int {
	refs, paths := w.env.refs(), w.env.get("POWERTOOLS_PARAMETERS_ENV_PATH")
	needed := len(refs) > 0 || paths != ""
	port := w.env.port()
	if !needed && w.env.get("AWS_LAMBDA_RUNTIME_API") == loopback(port) {
		return 0 // a wrapper before this one has asked already
	}
	answer, err := ask(port, w.env.wait(needed), w.env.token(), w.env.request(refs, paths))
	if err != nil {
		if needed {
			return w.withoutValues(refs, err)
		}
		if err != errNobody { // nobody listens because nothing needs it; if something does, the extension says so
			say("WARN", "no Runtime API proxy: the function runs without it", []pair{{"reason", err.Error()}})
		}
		return 0
	}
	if needed {
		if code := w.setValues(refs, answer); code != 0 {
			return code
		}
	}
	if answer.proxy {
		w.env.set("AWS_LAMBDA_RUNTIME_API", answer.address)
	}
	if answer.proxy && answer.socket != "" {
		if err := w.handOver(answer.socket, answer.nonce); err != nil {
			say("WARN", "the function's log descriptors were not handed over: its lines are copied, as with POWERTOOLS_LOGS_MODE=copy", []pair{{"reason", err.Error()}})
		}
	}
	return 0
}

// setValues puts the values in the place of the refs.
func (w *wrapper) setValues(refs []pair, answer answer) int {
	failed := answer.failed
	for _, name := range w.env.apply(refs, answer.values) {
		if !answer.names(name.key) {
			failed = append(failed, failure{name: name.key, ref: name.value, code: "not_answered",
				cure: "the extension did not answer for this variable; see its log"})
		}
	}
	if len(failed) == 0 {
		return 0
	}
	return w.fail("variables from parameters could not be read", failed)
}

// withoutValues is the answer to an extension that gives none.
func (w *wrapper) withoutValues(refs []pair, cause error) int {
	const cure = "the extension must be in the function's layers or image and reach its port: see POWERTOOLS_RUNTIME_PROXY_PORT and the extension's log"
	failed := make([]failure, 0, len(refs)+1)
	for _, ref := range refs {
		failed = append(failed, failure{name: ref.key, ref: ref.value, code: "no_extension", cure: cure})
	}
	if len(failed) == 0 {
		failed = append(failed, failure{name: "POWERTOOLS_PARAMETERS_ENV_PATH", ref: w.env.get("POWERTOOLS_PARAMETERS_ENV_PATH"), code: "no_extension", cure: cure})
	}
	return w.fail("no extension to read variables from parameters: "+cause.Error(), failed)
}

// fail says what is missing and decides by POWERTOOLS_PARAMETERS_ENV_ON_FAILURE
// whether the runtime starts. If so, it never sees the text of a ref.
func (w *wrapper) fail(what string, failed []failure) int {
	if w.env.get("POWERTOOLS_PARAMETERS_ENV_ON_FAILURE") == "start" {
		sayFailures("WARN", what+"; the runtime starts without them", failed)
		for _, ref := range w.env.refs() {
			w.env.remove(ref.key)
		}
		return 0
	}
	sayFailures("ERROR", what+"; the runtime does not start (POWERTOOLS_PARAMETERS_ENV_ON_FAILURE=start lets it)", failed)
	return exitFailed
}
