package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

const (
	caller = "-calling-function"
	token  = harness.Token
	header = harness.TokenHeader
)

var builds harness.Builds

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, map[string]func(){caller: callingFunction}, &builds))
}

// order is what the calling function is told to do, one step after the other.
type order struct {
	Get     []string `json:"get"`      // paths of the local API, one after the other
	AtOnce  bool     `json:"at_once"`  // all of Get at the same time
	SleepMs int      `json:"sleep_ms"` // afterwards
	AgainMs int      `json:"again_ms"` // then Get once more and wait this long
	ForMs   int      `json:"for_ms"`   // before all that: Get[0] every tenth of a second for so long
}

// seen is what the function saw of one answer.
type seen struct {
	Status int    `json:"status"`
	Cache  string `json:"cache"`
	Body   string `json:"body"`
}

// The test binary itself is the function: it reads what it is told to. During
// its init it reads the paths in INIT_GET, and tells their answers first.
func callingFunction() {
	initial := read(strings.Fields(os.Getenv("INIT_GET")), true)
	lambda.Start(func(_ context.Context, event json.RawMessage) (any, error) {
		var in order
		if err := json.Unmarshal(event, &in); err != nil {
			return nil, err
		}
		states := map[string]int{}
		for end := time.Now().Add(time.Duration(in.ForMs) * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			states[readOne(in.Get[0]).Cache]++
		}
		out := map[string]any{"init": initial, "states": states, "got": read(in.Get, in.AtOnce)}
		time.Sleep(time.Duration(in.SleepMs) * time.Millisecond)
		if in.AgainMs > 0 {
			out["again"] = read(in.Get, in.AtOnce)
			time.Sleep(time.Duration(in.AgainMs) * time.Millisecond)
		}
		return out, nil
	})
}

func read(paths []string, atOnce bool) []seen {
	out := make([]seen, len(paths))
	var wg sync.WaitGroup
	for i, path := range paths {
		wg.Add(1)
		one := func() { defer wg.Done(); out[i] = readOne(path) }
		if atOnce {
			go one()
		} else {
			one()
		}
	}
	wg.Wait()
	return out
}

func readOne(path string) seen {
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT")+path, nil)
	if err != nil {
		return seen{Body: err.Error()}
	}
	req.Header.Set(header, cmp.Or(os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")))
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return seen{Body: err.Error()}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return seen{Body: err.Error()}
	}
	return seen{res.StatusCode, res.Header.Get("X-Powertools-Cache"), string(body)}
}

// answers are what one invocation saw.
type answers struct {
	Init, Got, Again []seen
	States           map[string]int // of the answers of ForMs
}

// invoke has the function carry out an order.
func invoke(t *testing.T, s *harness.Sandbox, o order) answers {
	t.Helper()
	payload, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	res := s.Invoke(string(payload))
	if res.FunctionError != "" {
		t.Fatalf("invocation failed: %s %s", res.ErrorType, res.Payload)
	}
	var out answers
	if err := json.Unmarshal(res.Payload, &out); err != nil {
		t.Fatalf("%s: %v", res.Payload, err)
	}
	return out
}

// start runs the binary beside the calling function, in front of the AWS at
// url. env are pairs of names and values.
func start(t *testing.T, url string, opt lambdaemu.Options, env ...string) *harness.Sandbox {
	t.Helper()
	opt.Command = harness.Self(t, caller)
	if opt.Env == nil {
		opt.Env = map[string]string{}
	}
	opt.Env["AWS_ENDPOINT_URL"] = url
	for i := 0; i+1 < len(env); i += 2 {
		opt.Env[env[i]] = env[i+1]
	}
	return harness.Start(t, builds, opt)
}

// awake is start without freezes, so that a test may call the API from outside.
func awake(t *testing.T, url string, env ...string) *harness.Sandbox {
	t.Helper()
	return start(t, url, lambdaemu.Options{NoFreeze: true}, env...)
}

// object decodes a JSON object.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
	return out
}
