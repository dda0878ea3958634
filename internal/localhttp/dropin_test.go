package localhttp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

func pointer[T any](v T) *T { return &v }

func date(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDropInBodies holds whole bodies in the bytes that the AWS Parameters and
// Secrets Lambda Extension sends: order, nulls, dates and escapes included.
func TestDropInBodies(t *testing.T) {
	const parameter, secret = "/systemsmanager/parameters/get?name=x", "/secretsmanager/get?secretId=x"
	cet := time.FixedZone("CET", 3600)
	for name, test := range map[string]struct {
		target string
		value  paramcache.Value
		body   string
	}{
		"string": {parameter, paramcache.Value{
			Name: "/dev/name", ARN: "arn:aws:ssm:us-east-1:123456789012:parameter/dev/name", DataType: pointer("text"),
			Modified: date(t, "2022-11-16T08:22:40.362Z"), Type: "String", Text: "hello", IsText: true, Version: "1",
		}, `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/dev/name","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/dev/name","Selector":null,"SourceResult":null,"Type":"String","Value":"hello","Version":1},"ResultMetadata":{}}`},
		"list with selector": {parameter, paramcache.Value{
			Name: "list", ARN: "arn:aws:ssm:us-east-1:123456789012:parameter/list", DataType: pointer("text"),
			Modified: date(t, "2022-11-16T08:22:40.36Z"), Type: "StringList", Text: "a,b,c", IsText: true, Version: "12", Selector: pointer(":1"),
		}, `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/list","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.36Z","Name":"list","Selector":":1","SourceResult":null,"Type":"StringList","Value":"a,b,c","Version":12},"ResultMetadata":{}}`},
		"whole second, other zone": {parameter, paramcache.Value{
			Name: "n", ARN: "a", DataType: pointer("text"), Modified: date(t, "2022-11-16T08:22:40Z").In(cet), Type: "SecureString", Text: "AQIC", IsText: true, Version: "1",
		}, `{"Parameter":{"ARN":"a","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40Z","Name":"n","Selector":null,"SourceResult":null,"Type":"SecureString","Value":"AQIC","Version":1},"ResultMetadata":{}}`},
		"secret behind a reference": {parameter, paramcache.Value{
			Name: "/aws/reference/secretsmanager/s", ARN: "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf",
			Modified: date(t, "2022-11-16T08:22:40.362Z"), Type: "SecureString", Text: "p", IsText: true, Version: "0",
			SourceResult: pointer(paramcache.Secret(`{"createdDate":"Nov 16, 2022, 8:22:40 AM"}`)),
		}, `{"Parameter":{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf","DataType":null,"LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/aws/reference/secretsmanager/s","Selector":null,"SourceResult":"{\"createdDate\":\"Nov 16, 2022, 8:22:40 AM\"}","Type":"SecureString","Value":"p","Version":0},"ResultMetadata":{}}`},
		"binary secret behind a reference": {parameter, paramcache.Value{
			Name: "/aws/reference/secretsmanager/b", ARN: "a", Type: "SecureString", SourceResult: pointer(paramcache.Secret(`{"secretBinary":{"hb":[0]}}`)),
		}, `{"Parameter":{"ARN":"a","DataType":null,"LastModifiedDate":null,"Name":"/aws/reference/secretsmanager/b","Selector":null,"SourceResult":"{\"secretBinary\":{\"hb\":[0]}}","Type":"SecureString","Value":null,"Version":0},"ResultMetadata":{}}`},
		"html is escaped": {parameter, paramcache.Value{
			Name: "n", ARN: "a", DataType: pointer("text"), Type: "String", Text: "<b>&\u2028\"é\"</b>", IsText: true, Version: "1",
		}, `{"Parameter":{"ARN":"a","DataType":"text","LastModifiedDate":null,"Name":"n","Selector":null,"SourceResult":null,"Type":"String","Value":"\u003cb\u003e\u0026\u2028\"é\"\u003c/b\u003e","Version":1},"ResultMetadata":{}}`},
		"empty": {parameter, paramcache.Value{Name: "n", IsText: true, Type: "String", Version: "1"},
			`{"Parameter":{"ARN":null,"DataType":null,"LastModifiedDate":null,"Name":"n","Selector":null,"SourceResult":null,"Type":"String","Value":"","Version":1},"ResultMetadata":{}}`},

		"secret": {secret, paramcache.Value{
			Name: "rds", ARN: "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds-AbCdEf", Modified: date(t, "2023-12-28T14:57:31.359Z"),
			Text: `{"username":"root","password":"a>b"}`, IsText: true, Version: "0b7c2d9a-1e0c-4b7e-9a52-4b1f2d3c4e5f", Stages: []string{"AWSCURRENT"},
		}, `{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:rds-AbCdEf","CreatedDate":"2023-12-28T14:57:31.359Z","Name":"rds","SecretBinary":null,"SecretString":"{\"username\":\"root\",\"password\":\"a\u003eb\"}","VersionId":"0b7c2d9a-1e0c-4b7e-9a52-4b1f2d3c4e5f","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`},
		"binary secret": {secret, paramcache.Value{
			Name: "bin", ARN: "a", Modified: date(t, "2023-12-28T14:57:31.359Z"), Binary: []byte{0, 255}, Version: "v", Stages: []string{"AWSPENDING", "x"},
		}, `{"ARN":"a","CreatedDate":"2023-12-28T14:57:31.359Z","Name":"bin","SecretBinary":"AP8=","SecretString":null,"VersionId":"v","VersionStages":["AWSPENDING","x"],"ResultMetadata":{}}`},
		"secret without stages": {secret, paramcache.Value{Name: "s", IsText: true},
			`{"ARN":null,"CreatedDate":null,"Name":"s","SecretBinary":null,"SecretString":"","VersionId":null,"VersionStages":null,"ResultMetadata":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: test.value, State: paramcache.Miss})}, localhttp.Options{})
			w := get(s, test.target)
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s", w.Code, w.Header().Get("Content-Type"))
			}
			if diff := cmp.Diff(test.body, w.Body.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDropInText is our own addition to the drop-in routes.
func TestDropInText(t *testing.T) {
	binary := paramcache.Result{Value: paramcache.Value{Name: "b", Binary: []byte{0, 255}}}
	for _, test := range []struct {
		target, accept, body, contentType string
		result                            paramcache.Result
	}{
		{"/systemsmanager/parameters/get?name=x", "text/plain", "v", "text/plain; charset=utf-8", textResult("v")},
		{"/secretsmanager/get?secretId=x", "text/plain", "v", "text/plain; charset=utf-8", textResult("v")},
		{"/secretsmanager/get?secretId=x", "text/plain", "\x00\xff", "application/octet-stream", binary},
	} {
		w := get(newServer(localhttp.Deps{Parameters: always(test.result)}, localhttp.Options{}), test.target, "Accept", test.accept)
		if w.Body.String() != test.body || w.Header().Get("Content-Type") != test.contentType {
			t.Errorf("%s: %q %s", test.target, w.Body, w.Header().Get("Content-Type"))
		}
	}
}

// TestErrorKinds holds both languages of errors against literal answers.
func TestErrorKinds(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
		amzn   string
	}{
		"not found":        {&paramcache.Error{Kind: paramcache.KindNotFound, Code: "ParameterNotFound", Message: "no such parameter"}, 404, "not_found", "ParameterNotFound"},
		"access denied":    {&paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: "not allowed", Cure: "allow ssm:GetParameter"}, 403, "access_denied", "AccessDeniedException"},
		"throttled":        {&paramcache.Error{Kind: paramcache.KindThrottled, Code: "ThrottlingException", Message: "rate exceeded"}, 429, "throttled", "ThrottlingException"},
		"bad request":      {&paramcache.Error{Kind: paramcache.KindBadRequest, Code: "ValidationException", Message: "bad name"}, 400, "rejected_by_service", "ValidationException"},
		"timeout":          {&paramcache.Error{Kind: paramcache.KindTimeout, Message: "no answer in 3s"}, 504, "upstream_timeout", "TimeoutError"},
		"unreachable":      {&paramcache.Error{Kind: paramcache.KindUnreachable, Message: "connection refused"}, 502, "upstream_unreachable", "ConnectionError"},
		"upstream":         {&paramcache.Error{Kind: paramcache.KindUpstream, Code: "InternalServerError", Message: "sorry"}, 502, "upstream_failed", "InternalServerError"},
		"transform":        {&paramcache.Error{Kind: paramcache.KindTransform, Message: "not JSON"}, 422, "transform_failed", "TransformError"},
		"internal":         {&paramcache.Error{Kind: paramcache.KindInternal, Message: "oops"}, 500, "internal_error", "InternalFailure"},
		"unknown":          {errAny("CANARY-VALUE"), 500, "internal_error", "InternalFailure"},
		"header injection": {&paramcache.Error{Kind: paramcache.KindNotFound, Code: "A\r\nX-Evil: 1", Message: "a\r\nX-Evil: 1\r\n\r\nbody " + token}, 404, "not_found", "A??X-Evil: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Parameters: failing(test.err)}, localhttp.Options{})
			w := get(s, "/parameters/ssm/db")
			var problem struct {
				Type, Title, Detail, Code, Cure string
				AWSCode                         string `json:"aws_code"`
				Status                          int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
				t.Fatal(err)
			}
			if w.Code != test.status || problem.Status != test.status || problem.Code != test.code ||
				problem.Type != "urn:powertools-extension:problem:"+test.code || problem.Title == "" ||
				w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			if retry := w.Header().Get("Retry-After"); (retry == "1") != (test.status == 429) {
				t.Errorf("Retry-After %q", retry)
			}
			checkLeak(t, w.Body.String())

			w = get(s, "/systemsmanager/parameters/get?name=db")
			if w.Code != 400 || w.Body.String() != "an unexpected error occurred while executing request" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("drop-in: %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("X-Amzn-ErrorType"); got != test.amzn {
				t.Errorf("X-Amzn-ErrorType %q, want %q", got, test.amzn)
			}
			detail := w.Header().Get("X-Powertools-Error")
			if !strings.HasPrefix(detail, test.code) || strings.ContainsAny(detail, "\r\n") {
				t.Errorf("X-Powertools-Error %q", detail)
			}
			checkLeak(t, detail)
		})
	}
}

type errAny string

func (e errAny) Error() string { return string(e) }

func checkLeak(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "CANARY") {
		t.Errorf("leaks: %s", text)
	}
}

// TestCure: the error's own cure wins over the table's.
func TestCure(t *testing.T) {
	own := &paramcache.Error{Kind: paramcache.KindAccessDenied, Message: "m", Cure: "allow ssm:GetParameter on /app/db"}
	w := get(newServer(localhttp.Deps{Parameters: failing(own)}, localhttp.Options{}), "/parameters/ssm/db")
	if !strings.Contains(w.Body.String(), `"cure":"allow ssm:GetParameter on /app/db"`) {
		t.Errorf("got %s", w.Body)
	}
	w = get(newServer(localhttp.Deps{Parameters: failing(own)}, localhttp.Options{}), "/secretsmanager/get?secretId=db")
	if got := w.Header().Get("X-Powertools-Error"); got != "access_denied: m; allow ssm:GetParameter on /app/db" {
		t.Errorf("got %s", got)
	}
}

func TestUnavailable(t *testing.T) {
	for name, s := range map[string]*localhttp.Server{
		"no parameters": newServer(localhttp.Deps{}, localhttp.Options{}),
		"with a reason": newServer(localhttp.Deps{Parameters: always(textResult("CANARY"))}, localhttp.Options{Unavailable: "no credentials"}),
	} {
		for _, target := range []string{"/parameters/ssm/db", "/parameters/secrets/db", "/parameters/dynamodb/t/k", "/systemsmanager/parameters/get?name=db", "/secretsmanager/get?secretId=db"} {
			w := get(s, target)
			reason := "parameters are switched off"
			if name == "with a reason" {
				reason = "no credentials"
			}
			if w.Code != 503 || !strings.Contains(w.Body.String(), `"code":"unavailable"`) || !strings.Contains(w.Body.String(), reason) {
				t.Errorf("%s: %s: %d %s", name, target, w.Code, w.Body)
			}
			checkLeak(t, w.Body.String())
		}
	}
	s := newServer(localhttp.Deps{}, localhttp.Options{})
	if w := do(s, "POST", "/metrics", `{"metrics":[]}`); w.Code != 503 {
		t.Errorf("metrics: %d", w.Code)
	}
	if w := get(s, "/context"); w.Code != 503 {
		t.Errorf("context: %d", w.Code)
	}
}
