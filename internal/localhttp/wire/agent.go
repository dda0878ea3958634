package wire

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/paramcache"
)

// What the AWS Secrets Manager Agent answers when it refuses a request, word
// for word: 400, 403, 404, 405, 429 and 400.
const (
	AgentForwarded  = "Forwarded"
	AgentBadToken   = "Bad Token"
	AgentNotFound   = "Not found"
	AgentNotAllowed = "Not allowed"
	AgentTooMany    = "Connection limit exceeded"
	AgentMissing    = "missing secret ID"
)

// AppendAgentSecret appends a secret as the AWS Secrets Manager Agent does:
// what is absent is left out, the date is a string of seconds since 1970, and
// nothing is escaped for HTML.
func AppendAgentSecret(dst []byte, v *paramcache.Value) []byte {
	dst = append(dst, `{"ARN":`...)
	dst = appendAgentString(dst, v.ARN)
	dst = append(dst, `,"Name":`...)
	dst = appendAgentString(dst, v.Name)
	dst = append(dst, `,"VersionId":`...)
	dst = appendAgentString(dst, v.Version)
	if v.IsText {
		dst = append(dst, `,"SecretString":`...)
		dst = AppendString(dst, v.Text.Reveal())
	}
	if v.Binary != nil {
		dst = append(dst, `,"SecretBinary":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, v.Binary)
		dst = append(dst, '"')
	}
	if v.Stages != nil {
		dst = append(dst, `,"VersionStages":`...)
		dst = AppendStrings(dst, v.Stages)
	}
	if !v.Modified.IsZero() {
		dst = append(dst, `,"CreatedDate":"`...)
		dst = append(appendEpoch(dst, v.Modified), '"')
	}
	return append(dst, '}')
}

func appendAgentString(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// appendEpoch appends seconds since 1970, with as many decimals as there are.
func appendEpoch(dst []byte, t time.Time) []byte {
	dst = strconv.AppendInt(dst, t.Unix(), 10)
	if nanos := t.Nanosecond(); nanos != 0 {
		digits := strconv.Itoa(1e9 + nanos)[1:]
		dst = append(append(dst, '.'), strings.TrimRight(digits, "0")...)
	}
	return dst
}

// AppendAgentError appends a failure as the AWS Secrets Manager Agent does,
// with its blank behind the comma, but always as valid JSON.
func AppendAgentError(dst []byte, kind, message string) []byte {
	dst = append(dst, `{"__type":`...)
	dst = AppendString(dst, kind)
	dst = append(dst, `, "message":`...)
	return append(AppendString(dst, message), '}')
}
