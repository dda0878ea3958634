package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

// marker is every secret of this file. It may be in an answer's body that was
// asked for, and nowhere else.
const marker = "c4n4ry-0f-the-c0al-mine"

const marked = `
parameters:
  /c/text: c4n4ry-0f-the-c0al-mine-1
  /c/json: {type: SecureString, value: '{"password":"c4n4ry-0f-the-c0al-mine-2","list":["c4n4ry-0f-the-c0al-mine-3"]}'}
  /c/bad.json: '{"password":"c4n4ry-0f-the-c0al-mine-4"'
  /c/bad.binary: '*c4n4ry-0f-the-c0al-mine-5*'
secrets:
  c/text: c4n4ry-0f-the-c0al-mine-6
  c/json: {value: {password: c4n4ry-0f-the-c0al-mine-7}}
  c/binary: {binary: YzRuNHJ5LTBmLXRoZS1jMGFsLW1pbmUtOA==}
tables:
  ccc: {items: [{id: a, value: c4n4ry-0f-the-c0al-mine-9}, {id: m, value: {deep: c4n4ry-0f-the-c0al-mine-10}}]}
  ccs: {sort: sk, items: [{id: a, sk: one, value: c4n4ry-0f-the-c0al-mine-11}]}
appconfig:
  c/e/p: {value: {flag: {enabled: true, secret: c4n4ry-0f-the-c0al-mine-12}}}
roles:
  arn:aws:iam::210987654321:role/reader: {secrets: {c/role: c4n4ry-0f-the-c0al-mine-13}}
`

// valuePaths answer 200 with a marker in the body, and in no header.
func valuePaths() []string {
	return []string{
		"/parameters/ssm/c/text", "/parameters/ssm/c/json?decrypt=true&transform=json", "/parameters/ssm/c/json?key=password&format=text",
		"/parameters/ssm?path=/c/&raise_on_transform_error=false", "/parameters/ssm?name=/c/text&name=/c/none",
		"/parameters/secrets/c/text", "/parameters/secrets/c/json?transform=json", "/parameters/secrets/c/binary?format=text", "/parameters/secrets?name=c/text&name=c/none",
		"/parameters/dynamodb/ccc/a", "/parameters/dynamodb/ccc/m?item=true", "/parameters/dynamodb/ccs/a?sort=one", "/parameters/dynamodb/ccs?key=a",
		"/parameters/appconfig/c/e/p", "/parameters/appconfig/c/e/p?flag=flag",
		"/systemsmanager/parameters/get?name=/c/text", "/secretsmanager/get?secretId=c/text", "/v1/c/text",
		"/applications/c/environments/e/configurations/p", "/parameters/secrets/c/role?role_arn=arn:aws:iam::210987654321:role/reader",
	}
}

// silentPaths fail, or describe; neither header nor body may have a marker.
func silentPaths() []string {
	return []string{
		"/parameters/ssm/c/bad.json?transform=json", "/parameters/ssm/c/bad.json?transform=auto", "/parameters/ssm/c/bad.binary?transform=binary",
		"/parameters/ssm/c/bad.json?key=password", "/parameters/ssm/c/text?key=password", "/parameters/ssm/c/json?key=nothing&decrypt=true",
		"/parameters/ssm/c/text?version=9", "/parameters/ssm/c/text?label=none", "/parameters/secrets/c/text?transform=json",
		"/parameters/secrets/c/text?version_stage=NONE", "/parameters/dynamodb/ccc/a?transform=binary", "/parameters/dynamodb/ccc/a?value_attr=none",
		"/parameters/ssm?path=/c/&transform=json&raise_on_transform_error=true&recursive=true",
		"/parameters/cache", "/healthz", "/context", "/openapi.json", "/ping",
		"/parameters/ssm/c/text?max_age=" + marker, "/parameters/ssm/c/text?transform=" + marker,
		"/parameters/secrets/c/text?role_arn=" + marker, "/" + marker, "/v1/c/text?refreshNow=" + marker,
		"/secretsmanager/get?secretId=c/text&refreshNow=" + marker, "/parameters/dynamodb/ccc?key=a&sort=" + marker,
	}
}

// The binary at DEBUG, every route, every fault: no output has a secret or a
// token. The last thing looked at is the log stream, up to the shutdown.
func TestNoSecretIsEverPrinted(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, marked)
	s := awake(t, fake.URL, "POWERTOOLS_EXTENSION_LOG_LEVEL", "DEBUG", "POWERTOOLS_DEBUG", "true",
		"POWERTOOLS_PARAMETERS_TIMEOUT", "300ms", "POWERTOOLS_PARAMETERS_WRITE", "true",
		"POWERTOOLS_PARAMETERS_PREFETCH", "ssm:/c/text,secret:c/json,appconfig:c/e/p")
	leak := func(where, text string) {
		t.Helper()
		for _, secret := range []string{marker, token, "YzRuNHJ5LTBmLXRoZS1jMGFsLW1pbmUt", "wJalrXUtnFEMI", "secret-of-ASIA", "session-of-ASIA"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %q is in %.600s", where, secret, text)
			}
		}
	}
	read := map[int]int{}
	for _, path := range valuePaths() {
		status, header, body := s.Get(path)
		read[status]++
		leak("header of "+path, fmt.Sprint(header))
		if status == 200 && !strings.Contains(body, marker) {
			t.Errorf("%s: %s, which has no marker: this test proves nothing", path, body)
		}
		if status != 200 {
			leak("failure of "+path, body)
		}
	}
	if read[200] < 10 {
		t.Errorf("%v: too few routes answered for this to prove anything", read)
	}
	for _, path := range silentPaths() {
		_, header, body := s.Get(path)
		leak("answer of "+path, fmt.Sprint(header)+body)
		_, header, body = s.Ask(http.MethodGet, path, harness.TokenHeader, marker)
		leak("refusal of "+path, fmt.Sprint(header)+body)
	}
	write(s, leak)
	for _, fault := range []string{"denied", "throttled", "error-500", "down", "reset", "hung", "tokens-dead"} {
		if err := fake.SetFault(fault); err != nil {
			t.Fatal(err)
		}
		for i, path := range []string{"/parameters/ssm/c/none-%d-%s", "/parameters/secrets/c/none-%d-%s", "/parameters/dynamodb/ccc/none-%d-%s", "/parameters/appconfig/c/e/none-%d-%s", "/v1/none-%d-%s"} {
			path = fmt.Sprintf(path, i, fault)
			_, header, body := s.Get(path)
			leak(fault+" "+path, fmt.Sprint(header)+body)
		}
	}
	s.Must(`{}`)
	s.Shutdown()
	leak("the log stream", s.Text())
	if !strings.Contains(s.Text(), `"level":"DEBUG"`) {
		t.Error("nothing was logged at DEBUG: this test proves nothing")
	}
}

// write sends secrets in, the right way and wrong ways.
func write(s *harness.Sandbox, leak func(where, text string)) {
	for _, path := range []string{
		"/parameters/ssm/c/new", "/parameters/ssm/c/text", "/parameters/ssm/c/text?overwrite=true&type=SecureString", "/parameters/ssm/c/text?type=" + marker,
		"/parameters/secrets/c/new", "/parameters/secrets/c/text", "/parameters/ssm/aws-not-allowed",
	} {
		_, header, body := s.Send(http.MethodPut, path, marker+"-written", harness.TokenHeader, harness.Token)
		leak("answer of PUT "+path, fmt.Sprint(header)+body)
	}
	for _, body := range []string{marker, `{"metrics":[{"name":"x","unit":"` + marker + `","value":1}]}`, `{"` + marker + `":1}`} {
		_, header, answer := s.Send(http.MethodPost, "/metrics", body, harness.TokenHeader, harness.Token)
		leak("headers of POST /metrics", fmt.Sprint(header))
		_ = answer // it may name a wrong unit; nobody posts secrets as metrics
	}
}
