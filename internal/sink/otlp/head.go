package otlp

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// appendHead writes the request up to the first record, in the three lists of
// a signal: the resource and the scope, whose attributes are those of the OpenTelemetry semantic conventions
// for FaaS and cloud resources.
func appendHead(dst []byte, r Resource, resources, scopes, records string) []byte {
	dst = append(append(append(dst, `{"`...), resources...), `":[{"resource":{"attributes":[`...)
	first := true
	attribute := func(key, value string) {
		if value == "" {
			return
		}
		dst = appendAttribute(dst, first, key, appendString(nil, value))
		first = false
	}
	attribute("service.name", r.ServiceName)
	attribute("faas.name", r.FunctionName)
	attribute("faas.version", r.FunctionVersion)
	attribute("faas.instance", r.Instance)
	if r.MemoryMB > 0 {
		bytes := strconv.Itoa(r.MemoryMB << 20)
		dst = appendAttribute(dst, first, "faas.max_memory", []byte(`{"intValue":"`+bytes+`"}`))
		first = false
	}
	attribute("cloud.provider", "aws")
	attribute("cloud.platform", "aws_lambda")
	attribute("cloud.region", r.Region)
	attribute("cloud.account.id", r.AccountID)
	dst = append(append(append(dst, `]},"`...), scopes...), `":[{"scope":{"name":"powertools-extension"`...)
	if r.ExtensionVersion != "" {
		dst = append(dst, `,"version":`...)
		dst, _ = jsontext.AppendQuote(dst, r.ExtensionVersion)
	}
	return append(append(append(dst, `},"`...), records...), `":[`...)
}

// appendString writes a text as an AnyValue.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, `{"stringValue":`...)
	dst, _ = jsontext.AppendQuote(dst, s) // invalid UTF-8 is replaced
	return append(dst, '}')
}

// appendAttribute writes a KeyValue whose value is ready.
func appendAttribute(dst []byte, first bool, key string, value []byte) []byte {
	if !first {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"key":`...)
	dst, _ = jsontext.AppendQuote(dst, key)
	dst = append(append(dst, `,"value":`...), value...)
	return append(dst, '}')
}
