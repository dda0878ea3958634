package lambdaemu

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/lambdaemu/internal/child"
)

// reservedKeys are the names Lambda refuses as customer variables, less the
// credentials (AWS page: configuration-envvars). Names that start with "_" are
// not listed: they are dropped for every process.
func reservedKeys() []string {
	return []string{
		"AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API",
		"AWS_REGION", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
	}
}

// environment builds the variables of the processes of one sandbox. Its two
// methods differ on purpose: an extension must not see what it does not see on
// Lambda, or it works here and fails there (AWS page: runtimes-extensions-api;
// AWS source: rapidcore/env).
type environment struct {
	opt   *Options
	id    identity
	creds credentials
	api   string // host:port of the Runtime API

	containerToken string // for the credentials endpoint of SnapStart
}

// extension returns the environment of extension processes.
func (e *environment) extension() []string {
	env := e.inherited()
	delete(env, "HOME") // it has none on Lambda (AWS source: rapidcore/env)
	maps.Copy(env, e.shared())
	maps.Copy(env, e.customer())
	maps.Copy(env, e.platform())
	return pairs(env)
}

// runtime returns the environment of the function's process.
func (e *environment) runtime() []string {
	env := e.inherited()
	maps.Copy(env, e.shared())
	maps.Copy(env, map[string]string{
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":  "169.254.79.129:2000",
	})
	maps.Copy(env, e.customer())
	maps.Copy(env, e.platform())
	maps.Copy(env, e.runtimeOnly())
	return pairs(env)
}

// inherited are host variables without which no local program starts. Nothing
// else of the host gets through.
func (e *environment) inherited() map[string]string {
	env := make(map[string]string)
	for _, key := range e.opt.Inherit {
		if value, ok := os.LookupEnv(key); ok && !strings.HasPrefix(key, "_") {
			env[key] = value
		}
	}
	return env
}

// shared are Lambda's values that a customer variable may override.
func (e *environment) shared() map[string]string {
	env := map[string]string{
		"TZ":                    ":UTC",
		"AWS_LAMBDA_LOG_FORMAT": e.opt.LogFormat,
		"TMPDIR":                e.id.tmp,
	}
	if !e.opt.snapStart() {
		env["AWS_ACCESS_KEY_ID"] = e.creds.keyID
		env["AWS_SECRET_ACCESS_KEY"] = e.creds.secret
		env["AWS_SESSION_TOKEN"] = e.creds.token
	}
	if e.opt.LogFormat == formatJSON {
		env["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
	}
	if _, ok := os.LookupEnv("LANG"); !ok || !slices.Contains(e.opt.Inherit, "LANG") {
		env["LANG"] = "en_US.UTF-8"
	}
	return env
}

// customer drops names starting with "_": they are Lambda's own (AWS source:
// rapidcore/env isInternalEnvVar).
func (e *environment) customer() map[string]string {
	env := make(map[string]string, len(e.opt.Env))
	for key, value := range e.opt.Env {
		if !strings.HasPrefix(key, "_") && !(e.opt.snapStart() && credentialKey(key)) {
			env[key] = value
		}
	}
	return env
}

// platform are Lambda's values that nobody may override.
func (e *environment) platform() map[string]string {
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          e.api,
		"AWS_REGION":                      e.opt.Region,
		"AWS_DEFAULT_REGION":              e.opt.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        e.opt.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION":     e.opt.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(e.opt.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  e.opt.InitType,
	}
	if e.opt.snapStart() {
		env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://" + e.api + credentialsPath
		env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = e.containerToken
	}
	return env
}

// runtimeOnly are the values that extensions do not get (AWS page:
// runtimes-extensions-api).
func (e *environment) runtimeOnly() map[string]string {
	env := map[string]string{
		"_HANDLER":                   e.opt.Handler,
		"LAMBDA_TASK_ROOT":           e.opt.Dir,
		"LAMBDA_RUNTIME_DIR":         "/var/runtime",
		"AWS_LAMBDA_LOG_GROUP_NAME":  e.id.logGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME": e.id.logStream,
		"_AWS_XRAY_DAEMON_ADDRESS":   "169.254.79.129",
		"_AWS_XRAY_DAEMON_PORT":      "2000",
	}
	switch {
	case e.opt.snapStart(): // the log stream changes at every restore (AWS page: snapstart-monitoring)
		delete(env, "AWS_LAMBDA_LOG_GROUP_NAME")
		delete(env, "AWS_LAMBDA_LOG_STREAM_NAME")
	case e.opt.managed():
		env["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(e.opt.Concurrency)
	}
	if e.opt.framed() != child.None {
		env["_LAMBDA_TELEMETRY_LOG_FD"] = strconv.Itoa(child.FramedFD)
	}
	if name := e.opt.executionEnv(); name != "" {
		env["AWS_EXECUTION_ENV"] = name
	}
	return env
}

func pairs(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, key := range sortedKeys(env) {
		list = append(list, key+"="+env[key])
	}
	return list
}

func sortedKeys(m map[string]string) []string {
	return slices.Sorted(maps.Keys(m))
}
