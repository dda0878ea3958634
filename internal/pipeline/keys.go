package pipeline

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
	keySamplingRate
	keyTraceID
	keyTenantID
	numKeys
)

// Members that are none of ours but say something about the line.
const (
	otherMember key = numKeys + iota
	memberAWS
	memberSeverity
	memberLogLevel
	memberLvl
	memberRequestID
	memberErrorType
	memberErrorMessage
	memberStack
	memberError
)

// firstTailKey is the first key whose value is the same for all lines of a
// request.
const firstTailKey = keyService

// keySet has one bit for each key.
type keySet uint16

// memberByName sorts a member of an object. It is asked for every member of
// every line, so it is one switch.
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
	case "sampling_rate":
		return keySamplingRate
	case "xray_trace_id":
		return keyTraceID
	case "tenant_id":
		return keyTenantID
	case "_aws":
		return memberAWS
	case "severity":
		return memberSeverity
	case "log.level", "LogLevel", "@l":
		return memberLogLevel
	case "lvl":
		return memberLvl
	case "requestId", "AWSRequestId", "awsRequestId":
		return memberRequestID
	case "errorType", "exception_name", "error.type":
		return memberErrorType
	case "errorMessage":
		return memberErrorMessage
	case "stack", "stackTrace", "stack_trace", "stacktrace", "exception", "error.stack_trace":
		return memberStack
	case "error", "err":
		return memberError
	}
	return otherMember
}
