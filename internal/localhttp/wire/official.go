package wire

import (
	"encoding/base64"
	"time"

	"powertools-extension/internal/paramcache"
)

// What the AWS Parameters and Secrets Lambda Extension answers when it does
// not answer a value, word for word: 401 and 400.
const (
	OfficialUnauthorized = "bad session token or header key"
	OfficialFailure      = "an unexpected error occurred while executing request"
)

// AppendGetParameter appends what encoding/json makes of the SDK's
// GetParameterOutput: its fields in order, nulls present, HTML escaped.
func AppendGetParameter(dst []byte, v *paramcache.Value) []byte {
	dst = append(dst, `{"Parameter":{"ARN":`...)
	dst = appendNonEmpty(dst, v.ARN)
	dst = append(dst, `,"DataType":`...)
	dst = appendNullable(dst, v.DataType)
	dst = append(dst, `,"LastModifiedDate":`...)
	dst = appendTime(dst, v.Modified)
	dst = append(dst, `,"Name":`...)
	dst = appendNonEmpty(dst, v.Name)
	dst = append(dst, `,"Selector":`...)
	dst = appendNullable(dst, v.Selector)
	dst = append(dst, `,"SourceResult":`...)
	if v.SourceResult == nil {
		dst = append(dst, "null"...)
	} else {
		dst = AppendHTMLString(dst, v.SourceResult.Reveal())
	}
	dst = append(dst, `,"Type":`...)
	dst = AppendHTMLString(dst, v.Type)
	dst = append(dst, `,"Value":`...)
	dst = appendText(dst, v)
	dst = append(dst, `,"Version":`...)
	if isNumber(v.Version) {
		dst = append(dst, v.Version...)
	} else {
		dst = append(dst, '0') // as for the secret behind /aws/reference/secretsmanager
	}
	return append(dst, `},"ResultMetadata":{}}`...)
}

// AppendGetSecretValue does the same for GetSecretValueOutput.
func AppendGetSecretValue(dst []byte, v *paramcache.Value) []byte {
	dst = append(dst, `{"ARN":`...)
	dst = appendNonEmpty(dst, v.ARN)
	dst = append(dst, `,"CreatedDate":`...)
	dst = appendTime(dst, v.Modified)
	dst = append(dst, `,"Name":`...)
	dst = appendNonEmpty(dst, v.Name)
	dst = append(dst, `,"SecretBinary":`...)
	if v.Binary == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Binary)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"SecretString":`...)
	dst = appendText(dst, v)
	dst = append(dst, `,"VersionId":`...)
	dst = appendNonEmpty(dst, v.Version)
	dst = append(dst, `,"VersionStages":`...)
	if v.Stages == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, '[')
		for i, stage := range v.Stages {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendHTMLString(dst, stage)
		}
		dst = append(dst, ']')
	}
	return append(dst, `,"ResultMetadata":{}}`...)
}

func appendNonEmpty(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendHTMLString(dst, s)
}

func appendText(dst []byte, v *paramcache.Value) []byte {
	if !v.IsText {
		return append(dst, "null"...)
	}
	return AppendHTMLString(dst, v.Text.Reveal())
}

// appendTime appends a date as time.Time marshals it: no zeros at the end of
// the fraction, and no fraction when there is none.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

// appendNullable appends null for a nil string.
func appendNullable(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return AppendHTMLString(dst, *s)
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
