// Package awsevent says which of AWS's sources a function's event comes from
// and whether it is an HTTP request, by a scan of the top level and of the
// first record, without decoding and without memory.
//
// The rule a reader could break: a user's own event that looks alike must do
// no harm. Nothing but the shape of errors, batch and a word in the canonical
// event depends on the answer, and whatever fits no row is unknown.
package awsevent

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// Source is where an event comes from: a row of the table.
type Source struct {
	Name    string // the canonical event's word
	Trigger string // OpenTelemetry's faas.trigger: http, pubsub, datasource, timer, other
	HTTP    bool   // its answer is an HTTP answer with statusCode
}

// Unknown is the source of what fits no row.
func Unknown() Source { return Source{Name: "unknown", Trigger: "other"} }

// Event is what a scan found.
type Event struct {
	Source
	// MultiValue: an HTTP event whose answer has to use multiValueHeaders (ALB
	// with that setting).
	MultiValue bool
}

// mark is one thing that tells a source; a set of them is kept in bits.
type mark uint64

const (
	typeAuthorizer mark = 1 << iota // type TOKEN or REQUEST
	methodARN                       // methodArn, routeArn
	version2                        // version "2.0"
	contextHTTP                     // requestContext.http
	contextELB
	contextNetwork    // requestContext.serviceNetworkArn
	contextLambdaURL  // requestContext.domainName of a function URL
	contextConnection // requestContext.connectionId
	requestContext
	httpMethod
	resource
	rawPath        // raw_path
	rawQuery       // query_string_parameters
	infoField      // info.fieldName, of the event or of its first element
	records        // Firehose's, in lower case
	deliveryStream // deliveryStreamArn
	detailType     // detail-type
	scheduled      // detail-type "Scheduled Event"
	source         // EventBridge's
	logsData       // awslogs.data
	durableARN     // DurableExecutionArn
	checkpoint     // CheckpointToken
	alarmARN       // alarmArn
	alarmData      // alarmData
	configRule     // configRuleArn
	invokingEvent  // invokingEvent
	triggerSource  // Cognito's
	userPool       // userPoolId
	contactData    // Details.ContactData
	lexBot         // bot
	lexState       // sessionState, currentIntent
	messageVersion // messageVersion
	bedrockAgent   // agent
	objectContext  // getObjectContext
	stackID        // StackId
	responseURL    // ResponseURL
	clickType      // of an IoT button
	serialNumber   // of an IoT button
	templateARN    // of IoT provisioning
	certificateID  // certificateId
	deviceEvent    // of IoT 1-Click
	deviceInfo     // of IoT 1-Click
	protocolData   // of an IoT authorizer
	protocols      // of an IoT authorizer
	multiValue     // multiValueHeaders
	fromRecord     // eventSource of the first record
	fromTop        // eventSource of the event
)

// row tells a source by the marks that it needs, or by its eventSource.
type row struct {
	Source
	needs       mark
	eventSource string // with fromRecord or fromTop; "" is none
}

// rows is the table; the first row that fits counts. An authorizer's event
// has the marks of both API Gateway rows too, and an answer of ours would be
// a policy, so it comes first. That of a web socket has those of a REST API,
// where it was made from a template.
func rows() [37]row {
	http := func(name string) Source { return Source{name, "http", true} }
	of := func(name, trigger string) Source { return Source{name, trigger, false} }
	return [37]row{
		{of("api_gateway_authorizer", "other"), typeAuthorizer | methodARN, ""},
		{http("function_url"), version2 | contextHTTP | contextLambdaURL, ""},
		{http("api_gateway_v2"), version2 | contextHTTP, ""},
		{of("api_gateway_websocket", "other"), contextConnection, ""},
		{http("api_gateway_v1"), requestContext | httpMethod | resource, ""},
		{http("alb"), contextELB, ""},
		{http("vpc_lattice"), version2 | contextNetwork, ""},
		{http("vpc_lattice"), rawPath | rawQuery, ""},
		{of("appsync", "other"), infoField, ""},
		{of("sqs", "pubsub"), fromRecord, "aws:sqs"},
		{of("kinesis", "datasource"), fromRecord, "aws:kinesis"},
		{of("dynamodb", "datasource"), fromRecord, "aws:dynamodb"},
		{of("s3", "datasource"), fromRecord, "aws:s3"},
		{of("sns", "pubsub"), fromRecord, "aws:sns"},
		{of("ses", "pubsub"), fromRecord, "aws:ses"},
		{of("codecommit", "datasource"), fromRecord, "aws:codecommit"},
		{of("firehose", "datasource"), records | deliveryStream, ""},
		{of("kafka", "pubsub"), fromTop, "aws:kafka"},
		{of("kafka", "pubsub"), fromTop, "SelfManagedKafka"},
		{of("rabbitmq", "pubsub"), fromTop, "aws:rmq"},
		{of("activemq", "pubsub"), fromTop, "aws:mq"},
		{of("scheduled", "timer"), detailType | source | scheduled, ""},
		{of("eventbridge", "pubsub"), detailType | source, ""},
		{of("cloudwatch_logs", "datasource"), logsData, ""},
		{of("cloudwatch_alarm", "other"), alarmARN | alarmData, ""},
		{of("config", "other"), configRule | invokingEvent, ""},
		{of("cognito", "other"), triggerSource | userPool, ""},
		{of("connect", "other"), contactData, ""},
		{of("lex", "other"), lexBot | lexState, ""},
		{of("bedrock_agent", "other"), messageVersion | bedrockAgent, ""},
		{of("s3_object_lambda", "other"), objectContext, ""},
		{of("cloudformation", "other"), stackID | responseURL, ""},
		{of("iot", "other"), clickType | serialNumber, ""},
		{of("iot", "other"), templateARN | certificateID, ""},
		{of("iot", "other"), deviceEvent | deviceInfo, ""},
		{of("iot", "other"), protocolData | protocols, ""},
		{of("durable", "other"), durableARN | checkpoint, ""},
	}
}

// Recognise scans an event, or the beginning of one: what is cut off is not
// looked at. It never allocates.
func Recognise(event []byte) Event {
	var s scan
	i := jsonbytes.SkipSpace(event, 0)
	switch {
	case i >= len(event):
	case event[i] == '{':
		s.top(event, i)
	case event[i] == '[':
		// AppSync sends an array when it resolves in batches.
		if i = jsonbytes.SkipSpace(event, i+1); i < len(event) && event[i] == '{' {
			s.only = infoField
			s.top(event, i)
		}
	}
	return s.event()
}

// scan collects marks.
type scan struct {
	marks       mark
	only        mark   // not 0: no other counts
	eventSource []byte // of the first record, or of the event
}

func (s *scan) event() Event {
	if s.only != 0 {
		s.marks &= s.only
	}
	table := rows()
	for i := range table {
		r := &table[i]
		if r.needs != 0 && s.marks&r.needs == r.needs && (r.eventSource == "" || string(s.eventSource) == r.eventSource) {
			return Event{r.Source, r.Name == "alb" && s.marks&multiValue != 0}
		}
	}
	return Event{Source: Unknown()}
}

// members calls visit for each member of the object at i until it returns
// false or the text ends or is no JSON. value is where the value begins.
func members(b []byte, i int, visit func(name []byte, value int) bool) {
	i = jsonbytes.SkipSpace(b, i+1)
	for i < len(b) && b[i] == '"' {
		end, value := jsonbytes.CheckKey(b, i)
		if value < 0 || end < 0 {
			return
		}
		if !visit(b[i+1:end-1], value) {
			return
		}
		next := jsonbytes.CheckValue(b, value, 1)
		if next < 0 {
			return
		}
		var more bool
		if i, more = jsonbytes.CheckComma(b, next, '}'); !more {
			return
		}
		i = jsonbytes.SkipSpace(b, i)
	}
}

// text is the string at i, as it is written; nil: there is none.
func text(b []byte, i int) []byte {
	if i >= len(b) || b[i] != '"' {
		return nil
	}
	end := jsonbytes.CheckString(b, i)
	if end < 0 {
		return nil
	}
	return b[i+1 : end-1]
}

func opens(b []byte, i int, c byte) bool { return i < len(b) && b[i] == c }

// top looks at the event's own members. The first record decides, however many
// follow it.
func (s *scan) top(b []byte, i int) {
	members(b, i, func(name []byte, value int) bool {
		switch string(name) {
		case "requestContext":
			if opens(b, value, '{') {
				s.marks |= requestContext
				s.context(b, value)
			}
		case "Records":
			return !s.record(b, value)
		case "info":
			s.within(b, value, "fieldName", infoField)
		case "awslogs":
			s.within(b, value, "data", logsData)
		case "Details":
			s.within(b, value, "ContactData", contactData)
		case "eventSource":
			if v := text(b, value); v != nil && s.eventSource == nil {
				s.eventSource, s.marks = v, s.marks|fromTop
			}
		case "type":
			if v := text(b, value); string(v) == "TOKEN" || string(v) == "REQUEST" {
				s.marks |= typeAuthorizer
			}
		case "version":
			if string(text(b, value)) == "2.0" {
				s.marks |= version2
			}
		case "detail-type":
			if s.marks |= detailType; string(text(b, value)) == "Scheduled Event" {
				s.marks |= scheduled
			}
		default:
			s.marks |= byName(name)
		}
		return true
	})
}

// byName are marks that are there when the member is.
func byName(name []byte) mark {
	switch string(name) {
	case "methodArn", "routeArn":
		return methodARN
	case "httpMethod":
		return httpMethod
	case "resource":
		return resource
	case "raw_path":
		return rawPath
	case "query_string_parameters":
		return rawQuery
	case "records":
		return records
	case "deliveryStreamArn":
		return deliveryStream
	case "source":
		return source
	case "DurableExecutionArn":
		return durableARN
	case "CheckpointToken":
		return checkpoint
	case "alarmArn":
		return alarmARN
	case "alarmData":
		return alarmData
	case "configRuleArn":
		return configRule
	case "invokingEvent":
		return invokingEvent
	case "triggerSource":
		return triggerSource
	case "userPoolId":
		return userPool
	case "multiValueHeaders":
		return multiValue
	}
	return byRareName(name)
}

func byRareName(name []byte) mark {
	switch string(name) {
	case "bot":
		return lexBot
	case "sessionState", "currentIntent":
		return lexState
	case "messageVersion":
		return messageVersion
	case "agent":
		return bedrockAgent
	case "getObjectContext", "headObjectContext", "listObjectsContext", "listObjectsV2Context":
		return objectContext
	case "StackId":
		return stackID
	case "ResponseURL":
		return responseURL
	case "clickType":
		return clickType
	case "serialNumber":
		return serialNumber
	case "templateArn":
		return templateARN
	case "certificateId":
		return certificateID
	case "deviceEvent":
		return deviceEvent
	case "deviceInfo":
		return deviceInfo
	case "protocolData":
		return protocolData
	case "protocols":
		return protocols
	}
	return 0
}

// within sets m if the object at i has the member.
func (s *scan) within(b []byte, i int, member string, m mark) {
	if !opens(b, i, '{') {
		return
	}
	members(b, i, func(name []byte, _ int) bool {
		if string(name) == member {
			s.marks |= m
			return false
		}
		return true
	})
}

func (s *scan) context(b []byte, i int) {
	members(b, i, func(name []byte, value int) bool {
		switch string(name) {
		case "http":
			s.marks |= contextHTTP
		case "elb":
			s.marks |= contextELB
		case "serviceNetworkArn":
			s.marks |= contextNetwork
		case "connectionId":
			s.marks |= contextConnection
		case "domainName":
			if bytes.Contains(text(b, value), []byte(".lambda-url.")) {
				s.marks |= contextLambdaURL
			}
		}
		return true
	})
}

// record looks at the first record, through to its source, which stands behind
// the body in some of them. True: it has one.
func (s *scan) record(b []byte, i int) (found bool) {
	if !opens(b, i, '[') {
		return false
	}
	if i = jsonbytes.SkipSpace(b, i+1); !opens(b, i, '{') {
		return false
	}
	members(b, i, func(name []byte, value int) bool {
		if string(name) == "eventSource" || string(name) == "EventSource" {
			if v := text(b, value); v != nil {
				s.eventSource, s.marks, found = v, s.marks|fromRecord, true
			}
			return false
		}
		return true
	})
	return found
}
