package awsapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/test/ontime"
)

const (
	roleARN = "arn:aws:iam::210987654321:role/path/Reader"
	// Recorded from the service's documentation of AssumeRole, with an own date.
	assumedAnswer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
  <SourceIdentity>Alice</SourceIdentity>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::210987654321:assumed-role/Reader/powertools-extension</Arn>
      <AssumedRoleId>ARO123EXAMPLE123:powertools-extension</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIA%[1]d</AccessKeyId>
      <SecretAccessKey>secret&lt;%[1]d&gt;</SecretAccessKey>
      <SessionToken>role+token/%[1]d==</SessionToken>
      <Expiration>%[2]s</Expiration>
    </Credentials>
    <PackedPolicySize>8</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>`
	deniedAnswer = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>AccessDenied</Code>
    <Message>User: arn:aws:sts::1:assumed-role/fn/fn is not authorized to perform: sts:AssumeRole on resource: ` + roleARN + `</Message>
  </Error>
  <RequestId>r-sts</RequestId>
</ErrorResponse>
`
)

// sts answers AssumeRole with a new pair each time, ASIA1, ASIA2, …
type sts struct {
	*httptest.Server
	lifetime time.Duration

	mu    sync.Mutex
	asked []seen
	fail  func(http.ResponseWriter) bool
}

func newSTS(t *testing.T, lifetime time.Duration) *sts {
	t.Helper()
	s := &sts{lifetime: lifetime}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, seen{r.Method, r.URL.Path, r.Host, r.Header.Clone(), string(body), false, r.URL.RawQuery})
		if s.fail != nil && s.fail(w) {
			return
		}
		fmt.Fprintf(w, assumedAnswer, len(s.asked), time.Now().Add(s.lifetime).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sts) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func as(arn string) awsapi.Operation {
	op := getParameter
	op.RoleARN = arn
	return op
}

func TestRoleIsAssumedAndSigns(t *testing.T) {
	f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
	c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
	op := as(roleARN)
	op.Region = "us-east-2"
	for range 3 {
		if err := c.Call(t.Context(), op, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
		t.Fatal(err)
	}
	if s.count() != 1 {
		t.Fatalf("%d calls of STS, want 1", s.count())
	}
	asked := s.asked[0]
	form, err := url.ParseQuery(asked.Body)
	if err != nil || asked.Method != "POST" || asked.Path != "/" || asked.Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8" {
		t.Errorf("asked %s %s as %s: %v", asked.Method, asked.Path, asked.Header.Get("Content-Type"), err)
	}
	if form.Encode() != "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fpath%2FReader&RoleSessionName=powertools-extension&Version=2011-06-15" {
		t.Errorf("form %s", form.Encode())
	}
	if scope, _ := checkSignature(t, asked, secretKey); !strings.HasSuffix(scope, "/eu-central-1/sts/aws4_request") {
		t.Errorf("STS asked in %s, want the function's own region", scope)
	}
	requests := f.seen()
	for _, r := range requests[:3] {
		if scope, _ := checkSignature(t, r, "secret<1>"); !strings.Contains(scope, "/us-east-2/ssm/") || r.Header.Get("X-Amz-Security-Token") != "role+token/1==" {
			t.Errorf("scope %s, token %q", scope, r.Header.Get("X-Amz-Security-Token"))
		}
	}
	checkSignature(t, requests[3], secretKey) // without a role: the function's own
}

func TestRoleIsAssumedOnceForAStorm(t *testing.T) {
	f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
	c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if err := c.Call(t.Context(), as(roleARN), nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if s.count() != 1 {
		t.Errorf("%d calls of STS, want 1", s.count())
	}
}

func TestRolesAreBounded(t *testing.T) {
	f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
	c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
	call := func(i int) {
		t.Helper()
		if err := c.Call(t.Context(), as(fmt.Sprintf("arn:aws:iam::210987654321:role/r%d", i)), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		call(i)
	}
	call(0)
	if s.count() != 20 {
		t.Fatalf("%d calls of STS for 20 roles", s.count())
	}
	call(20) // role 1 leaves, it was used longest ago
	call(0)
	call(1)
	if s.count() != 22 {
		t.Errorf("%d calls of STS, want 22", s.count())
	}
}

// Credentials that end within five minutes are exchanged; how long they hold is
// the wall clock's matter, so a freeze counts.
func TestRoleCredentialsEnd(t *testing.T) {
	ontime.Run(t, func(late ontime.Late) {
		f, s := newFake(t, ok(`{}`)), newSTS(t, 1500*time.Millisecond)
		c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
		for range 2 {
			if err := c.Call(t.Context(), as(roleARN), nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if s.count() != 1 {
			late("%d calls of STS, want 1", s.count())
			return
		}
		time.Sleep(1600 * time.Millisecond)
		if err := c.Call(t.Context(), as(roleARN), nil, nil); err != nil || s.count() != 2 {
			t.Errorf("%d calls of STS, %v; want 2", s.count(), err)
		}
	})
}

func TestForgetDropsRoles(t *testing.T) {
	f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
	c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
	for range 2 {
		if err := c.Call(t.Context(), as(roleARN), nil, nil); err != nil {
			t.Fatal(err)
		}
		c.Forget()
	}
	checkSignature(t, f.seen()[1], "secret<2>")
}

func TestExpiredRoleTokenIsExchangedOnce(t *testing.T) {
	expired := answer{status: 400, body: `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`}
	f, s := newFake(t, expired, ok(`{}`)), newSTS(t, time.Hour)
	if err := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL)).Call(t.Context(), as(roleARN), nil, nil); err != nil {
		t.Fatal(err)
	}
	checkSignature(t, f.seen()[1], "secret<2>")
}

// What STS says is the answer, and what it was asked in vain is not asked again
// by each of those who wait.
func TestRoleThatCannotBeAssumed(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail func(http.ResponseWriter) bool
		want string
		asks int
	}{
		{"denied", func(w http.ResponseWriter) bool { w.WriteHeader(403); io.WriteString(w, deniedAnswer); return true },
			"sts AssumeRole: AccessDenied: User: arn:aws:sts::1:assumed-role/fn/fn is not authorized to perform: sts:AssumeRole on resource: " + roleARN + " (request r-sts)", 1},
		{"down", func(w http.ResponseWriter) bool { w.WriteHeader(503); io.WriteString(w, "<html>"); return true }, "sts AssumeRole: HTTP 503", 3},
		{"not XML", func(w http.ResponseWriter) bool { io.WriteString(w, `{"AssumeRoleResponse":"SECRET"}`); return true }, "sts AssumeRole: answer is not the XML this operation has", 1},
		{"no secret key", func(w http.ResponseWriter) bool {
			io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>SECRET</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
			return true
		}, "sts AssumeRole: answer is not the XML this operation has", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ontime.Run(t, func(late ontime.Late) {
				f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
				s.fail = tc.fail
				c := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL))
				for range 3 {
					if err := c.Call(t.Context(), as(roleARN), nil, nil); err == nil || err.Error() != tc.want {
						t.Errorf("error %v", err)
					}
				}
				if s.count() < tc.asks || len(f.seen()) != 0 {
					t.Errorf("%d calls of STS, %d of the service; want %d, 0", s.count(), len(f.seen()), tc.asks)
				}
				if s.count() > tc.asks {
					late("%d calls of STS, want %d", s.count(), tc.asks)
				}
				s.mu.Lock()
				s.fail = nil
				s.mu.Unlock()
				time.Sleep(time.Second)
				if err := c.Call(t.Context(), as(roleARN), nil, nil); err != nil {
					t.Errorf("after it recovered: %v", err)
				}
			})
		})
	}
}

func TestRoleWithoutCredentialsOfOurOwn(t *testing.T) {
	c := newClient(t, env{"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
	err := c.Call(t.Context(), as(roleARN), nil, nil)
	if creds, is := errors.AsType[*awsapi.CredentialsError](err); !is || !creds.Missing {
		t.Errorf("error %v", err)
	}
}

func TestRoleARNs(t *testing.T) {
	const good = true
	for arn, want := range map[string]bool{
		"arn:aws:iam::123456789012:role/r":               good,
		"arn:aws-cn:iam::123456789012:role/a/b/r+=,.@_-": good,
		"arn:aws-us-gov:iam::123456789012:role/r":        good,
		"arn:aws:iam::12345678901:role/r":                !good,
		"arn:aws:iam::12345678901x:role/r":               !good,
		"arn:aws:iam::123456789012:role/":                !good,
		"arn:aws:iam::123456789012:user/r":               !good,
		"arn:aws:iam:eu-west-1:123456789012:role/r":      !good,
		"arn:aws:sts::123456789012:role/r":               !good,
		"arn:evil:iam::123456789012:role/r":              !good,
		"arn:aws:iam::123456789012:role/r\r\nX: y":       !good,
		"arn:aws:iam::123456789012:role/r&Action=x":      !good,
		"r": !good,
		"arn:aws:iam::123456789012:role/" + strings.Repeat("r", 2048): !good,
	} {
		f, s := newFake(t, ok(`{}`)), newSTS(t, time.Hour)
		err := newClient(t, envFor(f.URL).with("AWS_ENDPOINT_URL_STS", s.URL)).Call(t.Context(), as(arn), nil, nil)
		if (err == nil) != want || (s.count() == 1) != want {
			t.Errorf("%.60q: %v after %d calls of STS", arn, err, s.count())
		}
		if err != nil && !errors.As(err, new(*awsapi.RequestError)) {
			t.Errorf("%.60q: %T", arn, err)
		}
	}
}
