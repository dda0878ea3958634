package lambdaemu

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"powertools-extension/lambdaemu/internal/relay"
)

// identity is what stays the same for one execution environment, resets
// included: the log stream and the function's name tags, and what /tmp is on
// Lambda. Here that is a directory of its own, told by TMPDIR.
type identity struct {
	logGroup  string
	logStream string
	tmp       string
}

func newIdentity(o *Options, now time.Time) identity {
	return identity{
		logGroup:  "/aws/lambda/" + o.FunctionName,
		logStream: fmt.Sprintf("%s/[%s]%s", now.UTC().Format("2006/01/02"), o.Version, randomHex(16)),
	}
}

// functionARN is unqualified for $LATEST, as an unqualified invocation has it.
func functionARN(o *Options) string {
	arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", o.Region, o.AccountID, o.FunctionName)
	if o.Version == "$LATEST" {
		return arn
	}
	return arn + ":" + o.Version
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (package crypto/rand)
	return hex.EncodeToString(b)
}

func newUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// isUUID accepts the 36-character form, any case. The platform's parser also
// knows braces and a urn prefix; no client sends them.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", c):
			return false
		}
	}
	return true
}

// credentials are invented: their only job is to exist and to look right, so
// that token checks and SDKs work without an account.
type credentials struct{ keyID, secret, token string }

func inventCredentials() credentials {
	return credentials{
		keyID:  "ASIA" + base32.StdEncoding.EncodeToString([]byte(randomHex(5))),
		secret: randomHex(20),
		token:  "IQoJb3JpZ2luX2xhbWJkYWVtdQ" + randomHex(48),
	}
}

// trace is one invocation's X-Ray context as the three sides see it.
type trace struct {
	upstream string // what the caller sent: INVOKE event and telemetry
	runtime  string // what the runtime gets: Parent is the function's own segment
	spanID   string // id of that segment; "" when not sampled
}

// newTrace derives all three from the caller's header. Without Sampled=1 the
// header passes through unchanged (AWS source: telemetry/xray tracer).
func newTrace(header string) trace {
	if header == "" {
		now := fmt.Sprintf("%08x", time.Now().Unix())
		header = fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=1", now, randomHex(12), randomHex(8))
	}
	if header == NoTrace {
		return trace{}
	}
	t := trace{upstream: header, runtime: header}
	root, rest, sampled := "", []string{}, false
	for part := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Root":
			root = value
		case "Parent":
		case "Sampled":
			sampled = value == "1"
		default:
			rest = append(rest, key+"="+value)
		}
	}
	if root == "" || !sampled {
		return t
	}
	t.spanID = randomHex(8)
	parts := append([]string{"Root=" + root, "Parent=" + t.spanID, "Sampled=1"}, rest...)
	t.runtime = strings.Join(parts, ";")
	return t
}

// telemetryTracing is absent unless the trace is sampled; its value is what the
// caller sent (AWS source: telemetry/xray tracer).
func (t trace) telemetryTracing() *relay.TracingRecord {
	if t.spanID == "" {
		return nil
	}
	return &relay.TracingRecord{SpanID: t.spanID, Type: "X-Amzn-Trace-Id", Value: t.upstream}
}
