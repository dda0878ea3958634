package localhttp

import (
	"encoding/base64"
	"strings"
	"time"

	"powertools-extension/internal/paramcache"
)

// getOfficialParameter is GET /systemsmanager/parameters/get.
func getOfficialParameter(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.SSM, Name: x.str("name")}
	if ref.Name == "" {
		return argumentError{CodeMissing, "query argument name is missing"}
	}
	x.selector(&ref)
	var err error
	if ref.Decrypt, err = x.official("withDecryption"); err != nil {
		return err
	}
	return s.answerOfficially(x, ref, s.opt.SystemsManagerMaxAge)
}

// selector takes version or label, whichever comes first in the URL (AWS
// Systems Manager, Using Parameter Store parameters in Lambda functions).
func (x *exchange) selector(ref *paramcache.Ref) {
	for _, a := range x.args {
		switch {
		case a.value == "":
		case a.name == "version":
			ref.Version = a.value
			return
		case a.name == "label":
			ref.Label = a.value
			return
		}
	}
}

// getOfficialSecret is GET /secretsmanager/get.
func getOfficialSecret(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.Secrets, Name: x.str("secretId"), Version: x.str("versionId"), Label: x.str("versionStage")}
	if ref.Name == "" {
		return argumentError{CodeMissing, "query argument secretId is missing"}
	}
	return s.answerOfficially(x, ref, s.opt.SecretsManagerMaxAge)
}

// official returns a boolean of the drop-in routes: true, false, 1 or 0 in any
// case. Empty counts as missing.
func (x *exchange) official(name string) (bool, error) {
	switch a := x.str(name); strings.ToLower(a) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, badArgument(name, "true, false, 1 or 0")
}

// answerOfficially reads ref and answers in the bytes of the extension this
// one stands in for; Accept: text/plain is ours and gets the bare value.
func (s *Server) answerOfficially(x *exchange, ref paramcache.Ref, maxAge *time.Duration) error {
	force, err := x.official("refreshNow")
	if err != nil {
		return err
	}
	res, err := s.read(x, ref, paramcache.Options{MaxAge: maxAge, Force: force})
	if err != nil {
		return err
	}
	if acceptsText(x.r.Header["Accept"]) {
		value := plainContent(&res.Value)
		x.out = value.appendBare(x.out)
		return s.sendValue(x, s.mediaOf(&value), &res)
	}
	if ref.Source == paramcache.SSM {
		x.out = appendGetParameter(x.out, &res.Value)
	} else {
		x.out = appendGetSecretValue(x.out, &res.Value)
	}
	return s.sendValue(x, s.set.json, &res)
}

// appendGetParameter appends what encoding/json makes of the SDK's
// GetParameterOutput: its fields in order, nulls present, HTML escaped.
func appendGetParameter(dst []byte, v *paramcache.Value) []byte {
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
		dst = appendHTMLString(dst, v.SourceResult.Reveal())
	}
	dst = append(dst, `,"Type":`...)
	dst = appendHTMLString(dst, v.Type)
	dst = append(dst, `,"Value":`...)
	dst = appendText(dst, v)
	dst = append(dst, `,"Version":`...)
	if isDigits(v.Version) {
		dst = append(dst, v.Version...)
	} else {
		dst = append(dst, '0') // as for the secret behind /aws/reference/secretsmanager
	}
	return append(dst, `},"ResultMetadata":{}}`...)
}

// appendGetSecretValue does the same for GetSecretValueOutput.
func appendGetSecretValue(dst []byte, v *paramcache.Value) []byte {
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
			dst = appendHTMLString(dst, stage)
		}
		dst = append(dst, ']')
	}
	return append(dst, `,"ResultMetadata":{}}`...)
}

func appendNonEmpty(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendHTMLString(dst, s)
}

func appendText(dst []byte, v *paramcache.Value) []byte {
	if !v.IsText {
		return append(dst, "null"...)
	}
	return appendHTMLString(dst, v.Text.Reveal())
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
