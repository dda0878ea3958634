package lambdaemu

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Init types (AWS page: telemetry-schema-reference, InitType).
const (
	initOnDemand    = "on-demand"
	initProvisioned = "provisioned-concurrency"
	initSnapStart   = "snap-start"
	initManaged     = "lambda-managed-instances"
)

// maxConcurrency bounds the invocations in one managed instance; Lambda's limit
// depends on the instance.
const maxConcurrency = 1000

// Log formats of a function (AWS page: monitoring-cloudwatchlogs-logformat).
const (
	formatText = "Text"
	formatJSON = "JSON"
)

// resolve fills the defaults in and refuses what cannot work, so that every
// other file may trust each field.
func (o Options) resolve() (Options, error) {
	o.FunctionName = or(o.FunctionName, "function")
	o.InitType = or(o.InitType, initOnDemand)
	o.Version = or(o.Version, o.defaultVersion())
	o.Handler = or(o.Handler, "app.handler")
	o.Region = or(o.Region, "us-east-1")
	o.AccountID = or(o.AccountID, "123456789012")
	o.MemoryMB = or(o.MemoryMB, 128)
	o.Timeout = or(o.Timeout, 3*time.Second)
	o.LogFormat = or(o.LogFormat, o.defaultFormat())
	o.resolveManaged()
	o.InitTimeout = or(o.InitTimeout, initLimit(o.InitType, o.Timeout))
	if o.Inherit == nil {
		o.Inherit = []string{"PATH", "HOME", "LANG"}
	}
	if err := o.resolveFiles(); err != nil {
		return o, err
	}
	return o, errors.Join(o.checkRanges(), o.checkNames(), o.checkRuntime(), o.checkDescriptor(), o.checkEnv())
}

// defaultVersion is a published one where Lambda knows no other (AWS pages:
// snapstart, lambda-managed-instances).
func (o *Options) defaultVersion() string {
	if o.snapStart() || o.managed() {
		return "1"
	}
	return "$LATEST"
}

func (o *Options) defaultFormat() string {
	if o.managed() {
		return formatJSON
	}
	return formatText
}

// resolveManaged knows what managed instances leave no choice about: JSON logs
// and no freeze (AWS page: lambda-managed-instances-execution-environment).
func (o *Options) resolveManaged() {
	if !o.managed() {
		return
	}
	o.NoFreeze = true
	o.Concurrency = or(o.Concurrency, 1)
}

func (o *Options) snapStart() bool { return o.InitType == initSnapStart }

func (o *Options) managed() bool { return o.InitType == initManaged }

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// initLimit is how long the init phase may take: 10 s on demand, otherwise
// max(130 s, timeout) up to 15 minutes (AWS page: lambda-runtime-environment).
func initLimit(initType string, timeout time.Duration) time.Duration {
	if initType == initOnDemand {
		return 10 * time.Second
	}
	return min(max(130*time.Second, timeout), 15*time.Minute)
}

func (o *Options) checkRanges() error {
	switch {
	case o.MemoryMB < 128 || o.MemoryMB > 10240:
		return fmt.Errorf("memory %d MB: Lambda allows 128 to 10240", o.MemoryMB)
	case o.Timeout < 0 || o.Timeout > 15*time.Minute:
		return fmt.Errorf("timeout %s: Lambda allows up to 15m", o.Timeout)
	case o.Concurrency < 0 || o.Concurrency > maxConcurrency:
		return fmt.Errorf("concurrency %d: use 1 to %d", o.Concurrency, maxConcurrency)
	case o.Concurrency > 1 && !o.managed():
		return fmt.Errorf("concurrency %d: only init type %s runs several invocations in one sandbox", o.Concurrency, initManaged)
	}
	return nil
}

func (o *Options) checkNames() error {
	if o.LogFormat != formatText && o.LogFormat != formatJSON {
		return fmt.Errorf("log format %q: use Text or JSON", o.LogFormat)
	}
	if o.managed() && o.LogFormat != formatJSON {
		return fmt.Errorf("log format %s: managed instances have JSON only", o.LogFormat)
	}
	if all := []string{initOnDemand, initProvisioned, initSnapStart, initManaged}; !slices.Contains(all, o.InitType) {
		return fmt.Errorf("unknown init type %q: use %s", o.InitType, strings.Join(all, ", "))
	}
	return nil
}

// checkEnv refuses what UpdateFunctionConfiguration refuses, because a silently
// ignored variable is found only after deployment. Credentials are allowed: a
// local AWS emulator wants its own (AWS page: configuration-envvars).
func (o *Options) checkEnv() error {
	for _, key := range sortedKeys(o.Env) {
		if slices.Contains(reservedKeys(), key) {
			return fmt.Errorf("environment variable %s is reserved by Lambda: use the option of that meaning instead", key)
		}
	}
	return nil
}

// resolveFiles makes every path absolute, because processes run in other
// directories, and checks that the files exist.
func (o *Options) resolveFiles() error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	o.Dir = dir
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("working directory %s is not a directory", dir)
	}
	if o.Command, err = resolveCommand(o.Command, dir); err != nil {
		return err
	}
	o.Runtime = or(o.Runtime, runtimeID(o.Command[0]))
	o.LogDescriptor = or(o.LogDescriptor, o.defaultDescriptor())
	o.Layers, err = resolveLayers(o.Layers)
	return err
}

func resolveCommand(command []string, dir string) ([]string, error) {
	if len(command) == 0 {
		return nil, errors.New("no command: say how the function starts, e.g. ./bootstrap or python3 -m awslambdaric app.handler")
	}
	name := command[0]
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("function command: %w", err)
	}
	return append([]string{path}, command[1:]...), nil
}

// resolveLayers sorts by name, the order in which Lambda lists /opt/extensions.
// A file that cannot be executed is no error here: on Lambda it fails the init.
func resolveLayers(layers []string) ([]string, error) {
	paths := make([]string, 0, len(layers))
	seen := make(map[string]string, len(layers))
	for _, layer := range layers {
		path, err := filepath.Abs(layer)
		if err != nil {
			return nil, fmt.Errorf("extension %s: %w", layer, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("extension: %w", err)
		}
		if info.IsDir() {
			return nil, fmt.Errorf("extension %s is a directory: name the executables in it", path)
		}
		name := filepath.Base(path)
		if other, dup := seen[name]; dup {
			return nil, fmt.Errorf("extensions %s and %s have the same name: /opt/extensions can hold only one of them", other, path)
		}
		seen[name] = path
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int {
		return strings.Compare(filepath.Base(a), filepath.Base(b))
	})
	return paths, nil
}
