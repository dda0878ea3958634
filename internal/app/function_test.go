package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"powertools-extension/internal/app"
	"powertools-extension/internal/config"
	"powertools-extension/test/harness"
)

// function speaks to the extension as the function's code does.
type function struct {
	t    *testing.T
	port string
}

// reply is an answer of the local API.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Errorf("%d %q: %v", r.status, r.body, err)
	}
	return out
}

// send makes one request on a connection of its own. It may be called from any
// goroutine.
func (f function) send(method, path, body string, header ...string) (out reply) {
	f.t.Helper()
	req, err := http.NewRequest(method, "http://127.0.0.1:"+f.port+path, strings.NewReader(body))
	if err != nil {
		f.t.Error(err)
		return out
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "token")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
		return out
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

func (f function) get(path string) reply {
	f.t.Helper()
	return f.send(http.MethodGet, path, "")
}

// withFunction returns a platform whose function calls while the extension asks
// for its n-th event: at the first the init is over, at the second the first
// invocation runs.
func withFunction(t *testing.T, calls ...func(function)) (p *platform, env string) {
	p = newPlatform(t)
	f := function{t, harness.FreePort(t)}
	each := make([]func(), len(calls))
	for i, call := range calls {
		if call != nil {
			each[i] = func() { call(f) }
		}
	}
	p.onNext = onNth(each...)
	return p, "POWERTOOLS_EXTENSION_HTTP_PORT=" + f.port
}

// events are the canonical events of a life, by request id.
func (o outcome) events(t *testing.T) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for _, l := range o.objects(t) {
		if id, ok := l["function_request_id"].(string); ok && l["complete"] != nil {
			out[id] = l
		}
	}
	return out
}

func (o outcome) objects(t *testing.T) (out []map[string]any) {
	t.Helper()
	for text := range strings.Lines(o.stdout) {
		var l map[string]any
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Errorf("no JSON object: %q", text)
		}
		out = append(out, l)
	}
	return out
}

// cloud answers the AWS calls of the extension by the name they ask for, and
// keeps what was asked.
type cloud struct {
	*httptest.Server
	mu     sync.Mutex
	values map[string]string // of a parameter or secret by its name
	fails  map[string]string // the type of the error that a name is answered with
	asked  []string

	responseTypes []string // of every event source mapping; nil: they cannot be looked up
}

func newCloud(t *testing.T, values map[string]string) *cloud {
	c := &cloud{values: values, fails: map[string]string{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/2015-03-31/event-source-mappings") && c.responseTypes != nil {
		_ = json.NewEncoder(w).Encode(map[string]any{"EventSourceMappings": []any{map[string]any{
			"UUID": "1", "EventSourceArn": r.URL.Query().Get("EventSourceArn"), "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
			"State": "Enabled", "FunctionResponseTypes": c.responseTypes,
		}}})
		return
	}
	var in struct {
		Name, SecretId string //nolint:revive // AWS's name
		Names          []string
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := func(name string) (map[string]any, string) {
		c.asked = append(c.asked, name)
		value, there := c.values[name]
		switch {
		case c.fails[name] != "":
			return nil, c.fails[name]
		case !there && in.SecretId != "":
			return nil, "ResourceNotFoundException"
		case !there:
			return nil, "ParameterNotFound"
		}
		return map[string]any{
			"ARN": "arn:aws:ssm:us-east-1:123456789012:parameter" + name, "Name": name, "Type": "String", "Value": value, "Version": 1,
			"SecretString": value, "VersionId": "8a2e4d5f-0001-4000-8000-000000000001", "VersionStages": []string{"AWSCURRENT"},
		}, ""
	}
	var out any
	var failed string
	switch {
	case len(in.Names) > 0:
		all := map[string]any{"InvalidParameters": []string{}}
		list := []any{}
		for _, name := range in.Names {
			if one, bad := answer(name); bad == "" {
				list = append(list, one)
			} else {
				all["InvalidParameters"] = append(all["InvalidParameters"].([]string), name)
			}
		}
		all["Parameters"] = list
		out = all
	case in.SecretId != "":
		out, failed = answer(in.SecretId)
	default:
		out, failed = answer(in.Name)
		out = map[string]any{"Parameter": out}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failed != "" {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": failed, "message": "because of a test"}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (c *cloud) set(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[name] = value
}

// fail has a name answered with an error; "" ends it.
func (c *cloud) fail(name, errorType string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails[name] = errorType
}

// calls is how often a name was asked for.
func (c *cloud) calls(name string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, asked := range c.asked {
		if asked == name {
			n++
		}
	}
	return n
}

// env is what makes an extension call this cloud.
func (c *cloud) env(more ...string) []string {
	return append([]string{"AWS_ENDPOINT_URL=" + c.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}, more...)
}

func effective(environ []string) config.Dump { return app.Effective(environ) }
