package pipeline

import (
	"fmt"
	"strings"
)

// key is one of the keys that a line leaves with, in the order of Powertools
// for TypeScript.
type key uint8

const (
	keyLevel key = iota
	keyMessage
	keyTimestamp
	keyService
	keyColdStart
	keyFunctionARN
	keyMemorySize
	keyFunctionName
	keyRequestID
	keyCorrelationID
	keySamplingRate
	keyTraceID
	keyTenantID
	keySpanTraceID
	keySpanID
	keyBatchItem
	keyErrorType
	keyErrorMessage
	keyStackTrace
	numKeys
)

// Members that are none of ours but say something about the line.
const (
	otherMember key = numKeys + iota
	memberAWS
	memberRequestID
	memberMessage // a message under another name; see messageNames
	memberTime
	memberFields // an object that may hold the message
	memberErrorType
	memberErrorMessage
	memberStack
	memberError
	memberObserved
)

// firstTailKey and lastTailKey are the keys whose values are the same for all
// lines of a request.
const (
	firstTailKey = keyService
	lastTailKey  = keyBatchItem
)

// keySet has one bit for each key.
type keySet uint32

func (s keySet) has(k key) bool { return s&(1<<k) != 0 }

// leanKeys are those that a line needs to be found and read on its own; the
// others are on the canonical event of its request.
const leanKeys = allKeys &^ (1<<keyFunctionARN | 1<<keyMemorySize | 1<<keyFunctionName)

const allKeys = keySet(1<<numKeys - 1)

func (k key) String() string {
	names := [numKeys]string{
		keyLevel: "level", keyMessage: "message", keyTimestamp: "timestamp", keyService: "service", keyColdStart: "cold_start",
		keyFunctionARN: "function_arn", keyMemorySize: "function_memory_size", keyFunctionName: "function_name", keyRequestID: "function_request_id",
		keyCorrelationID: "correlation_id", keySamplingRate: "sampling_rate", keyTraceID: "xray_trace_id", keyTenantID: "tenant_id",
		keySpanTraceID: "trace_id", keySpanID: "span_id", keyBatchItem: "batch_item",
		keyErrorType: "error_type", keyErrorMessage: "error_message", keyStackTrace: "stack_trace",
	}
	if k < numKeys {
		return names[k]
	}
	return ""
}

// Keys says which keys a line gets if it lacks them. The zero value is the
// lean set.
type Keys struct{ set keySet }

// ParseKeys reads the items of POWERTOOLS_LOGS_KEYS: lean, all, or names. A
// text's message is always there, and so are the three keys of an error, and
// the timestamp where a destination needs it. The error names the first item
// that is no key.
func ParseKeys(items []string) (Keys, error) {
	set := keySet(0)
	for _, item := range items {
		name := strings.ToLower(strings.TrimSpace(item))
		switch name {
		case "":
			continue
		case "lean":
			set |= leanKeys
			continue
		case "all":
			set |= allKeys
			continue
		}
		k := key(0)
		for k < numKeys && k.String() != name {
			k++
		}
		if k == numKeys {
			return Keys{}, fmt.Errorf("no such key of a line: %q", item)
		}
		set |= 1 << k
	}
	return Keys{set}, nil
}

func (k Keys) keySet() keySet {
	if k.set == 0 {
		return leanKeys
	}
	return k.set
}

// memberByName sorts a member of an object. It is asked for every member of
// every line, so it is one switch. Names of levels are loglevel's.
func memberByName(name []byte) key {
	switch string(name) {
	case "level":
		return keyLevel
	case "message":
		return keyMessage
	case "timestamp":
		return keyTimestamp
	case "service":
		return keyService
	case "cold_start":
		return keyColdStart
	case "function_arn":
		return keyFunctionARN
	case "function_memory_size":
		return keyMemorySize
	case "function_name":
		return keyFunctionName
	case "function_request_id":
		return keyRequestID
	case "correlation_id":
		return keyCorrelationID
	case "sampling_rate":
		return keySamplingRate
	case "xray_trace_id":
		return keyTraceID
	case "tenant_id":
		return keyTenantID
	case "trace_id":
		return keySpanTraceID
	case "span_id":
		return keySpanID
	case "batch_item":
		return keyBatchItem
	case "error_type":
		return keyErrorType
	case "error_message":
		return keyErrorMessage
	case "stack_trace":
		return keyStackTrace
	case "_aws":
		return memberAWS
	case "requestId", "AWSRequestId", "awsRequestId", "aws_request_id":
		return memberRequestID
	case "msg", "Message", "@m", "@message", "short_message", "body", "event", "text", "MessageTemplate", "@mt":
		return memberMessage
	case "fields", "record":
		return memberFields
	case "time", "ts", "t", "@timestamp", "@t", "Timestamp", "datetime", "asctime", "timeMillis", "startTime":
		return memberTime
	case "errorType", "exception_name", "error.type":
		return memberErrorType
	case "errorMessage":
		return memberErrorMessage
	case "stack", "stackTrace", "stacktrace", "exception", "error.stack_trace":
		return memberStack
	case "error", "err":
		return memberError
	case observedKey:
		return memberObserved
	}
	return otherMember
}

// observedKey holds the platform's time beside a timestamp of the function's
// own that cannot be read as one.
const observedKey = "observed_timestamp"
