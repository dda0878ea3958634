package eventsource

import (
	"bytes"
	"crypto/md5" //nolint:gosec // md5OfBody is part of the event
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Parse reads a batch file: a JSON array whose elements are bodies (any JSON;
// text is taken as it is) or records as the function would see them, or a
// whole event with Records. For Async every element is an event. Its errors
// name the element.
func Parse(cfg Config, text []byte) ([]Message, error) {
	elements, whole, err := elementsOf(cfg.Kind, text)
	if err != nil {
		return nil, err
	}
	if len(elements) == 0 {
		return nil, errors.New("has no messages")
	}
	var out []Message
	seen := map[string]bool{}
	for i, raw := range elements {
		m, err := cfg.message(i, raw, whole)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		if seen[m.ID] {
			return nil, fmt.Errorf("element %d: has the id of an earlier one, %s", i, m.ID)
		}
		seen[m.ID] = true
		out = append(out, m)
	}
	return out, nil
}

// elementsOf lists the elements; whole says that they are records of an event.
func elementsOf(kind Kind, text []byte) (elements []json.RawMessage, whole bool, err error) {
	text = bytes.TrimSpace(text)
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return nil, false, fmt.Errorf("is not JSON: %w", err)
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil && text[0] == '[' {
		return list, false, nil
	}
	var event struct{ Records []json.RawMessage }
	if kind != Async && text[0] == '{' && json.Unmarshal(text, &event) == nil && event.Records != nil {
		return event.Records, true, nil
	}
	if kind == Async {
		return []json.RawMessage{text}, false, nil
	}
	return nil, false, errors.New("is neither a JSON array nor an event with Records")
}

// message makes one message of an element.
func (cfg Config) message(i int, raw json.RawMessage, whole bool) (Message, error) {
	if cfg.Kind == Async {
		return Message{ID: strconv.Itoa(i + 1), Text: compact(raw), record: map[string]any{"": raw}}, nil
	}
	var given map[string]any
	if raw[0] == '{' {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&given); err != nil {
			return Message{}, err
		}
	}
	switch {
	case cfg.Kind.queue():
		return cfg.queued(i, raw, given, whole)
	case cfg.Kind == Kinesis:
		return cfg.kinesis(i, raw, given, whole)
	}
	return cfg.dynamo(i, raw, given, whole)
}

// isRecord tells a record from a body that looks like one: it has a member
// called must, and it came in an event, says where it came from, or has nothing
// but members that are known.
func isRecord(given map[string]any, whole bool, must string, known ...string) bool {
	if _, ok := given[must]; !ok {
		return false
	}
	if _, ok := given["eventSource"]; ok || whole {
		return true
	}
	for name := range given {
		if name != must && !slices.Contains(known, name) {
			return false
		}
	}
	return true
}

// queued reads a body, {"body", "messageGroupId"}, or a whole record.
// (Using Lambda with Amazon SQS: example event, Lambda developer guide)
func (cfg Config) queued(i int, raw json.RawMessage, given map[string]any, whole bool) (Message, error) {
	record := map[string]any{"body": text(raw)}
	if isRecord(given, whole, "body", "messageId", "receiptHandle", "attributes", "messageAttributes", "md5OfBody", "md5OfMessageAttributes", "eventSourceARN", "awsRegion", "messageGroupId") {
		record = given
		if _, isText := given["body"].(string); !isText {
			record["body"] = encode(given["body"])
		}
	}
	body := record["body"].(string)
	attributes, _ := record["attributes"].(map[string]any)
	attributes = maps.Clone(attributes)
	if attributes == nil {
		attributes = map[string]any{}
	}
	defaults(attributes, map[string]any{"SentTimestamp": "1767225600000", "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1767225600001"})
	if group, ok := record["messageGroupId"].(string); ok {
		attributes["MessageGroupId"] = group
		delete(record, "messageGroupId")
	}
	m := Message{Text: body}
	if cfg.Kind == FIFO {
		defaults(attributes, map[string]any{"MessageGroupId": "default", "SequenceNumber": fmt.Sprintf("188%017d", i+1), "MessageDeduplicationId": hash(body)})
		if m.Group, _ = attributes["MessageGroupId"].(string); m.Group == "" {
			return m, errors.New("its MessageGroupId is no text")
		}
	}
	sum := md5.Sum([]byte(body)) //nolint:gosec // part of the event
	defaults(record, map[string]any{
		"messageId": uuid(fmt.Sprint("message ", i)), "receiptHandle": base64.StdEncoding.EncodeToString([]byte(hash(fmt.Sprint("receipt ", i)))),
		"messageAttributes": map[string]any{}, "md5OfBody": hex.EncodeToString(sum[:]),
		"eventSource": "aws:sqs", "eventSourceARN": cfg.ARN, "awsRegion": region(cfg.ARN),
	})
	record["attributes"], m.record = attributes, record
	return m, m.identify(record["messageId"], "messageId")
}

// kinesis reads data, {"data", "partitionKey"}, or a whole record.
// (Using Lambda with Kinesis: example event, Lambda developer guide)
func (cfg Config) kinesis(i int, raw json.RawMessage, given map[string]any, whole bool) (Message, error) {
	record, inner := map[string]any{}, map[string]any{}
	switch {
	case isRecord(given, whole, "kinesis", "eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion", "eventSourceARN"):
		record = given
		var ok bool
		if inner, ok = given["kinesis"].(map[string]any); !ok {
			return Message{}, errors.New("its member kinesis is no object")
		}
	case isRecord(given, false, "data", "partitionKey"):
		data, isText := given["data"].(string)
		if !isText {
			data = encode(given["data"])
		}
		inner["data"] = base64.StdEncoding.EncodeToString([]byte(data))
		if key, ok := given["partitionKey"]; ok {
			inner["partitionKey"] = key
		}
	default:
		inner["data"] = base64.StdEncoding.EncodeToString([]byte(text(raw)))
	}
	defaults(inner, map[string]any{
		"kinesisSchemaVersion": "1.0", "partitionKey": "1", "data": "", "approximateArrivalTimestamp": json.Number("1767225600.001"),
		"sequenceNumber": fmt.Sprintf("4959033827149025660855969253836157109592157598%010d", i+1),
	})
	data, _ := inner["data"].(string)
	decoded, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return Message{}, errors.New("its data is not base64; write {\"data\": …} for plain data")
	}
	m := Message{Text: string(decoded), record: record}
	if err := m.identify(inner["sequenceNumber"], "sequenceNumber"); err != nil {
		return m, err
	}
	defaults(record, map[string]any{
		"kinesis": inner, "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "shardId-000000000000:" + m.ID, "eventName": "aws:kinesis:record",
		"invokeIdentityArn": "arn:aws:iam::123456789012:role/function-role", "awsRegion": region(cfg.ARN), "eventSourceARN": cfg.ARN,
	})
	return m, nil
}

// dynamo reads a plain object as an item that was inserted, or a whole record.
// (Using Lambda with DynamoDB: example event, Lambda developer guide)
func (cfg Config) dynamo(i int, raw json.RawMessage, given map[string]any, whole bool) (Message, error) {
	record, inner := map[string]any{}, map[string]any{}
	switch {
	case isRecord(given, whole, "dynamodb", "eventVersion", "eventID", "eventName", "userIdentity", "awsRegion", "eventSourceARN"):
		record = given
		var ok bool
		if inner, ok = given["dynamodb"].(map[string]any); !ok {
			return Message{}, errors.New("its member dynamodb is no object")
		}
	case given == nil:
		return Message{}, errors.New("is no object: an item of a table, or a record of its stream")
	default:
		image := attributes(given)
		keys := map[string]any{"id": map[string]any{"S": strconv.Itoa(i + 1)}}
		if id, ok := image["id"]; ok {
			keys = map[string]any{"id": id}
		}
		inner["NewImage"], inner["Keys"] = image, keys
	}
	defaults(inner, map[string]any{
		"SequenceNumber": fmt.Sprintf("%d", 111*(i+1)), "SizeBytes": len(raw), "StreamViewType": "NEW_AND_OLD_IMAGES", "ApproximateCreationDateTime": json.Number("1767225600"),
	})
	m := Message{Text: compact(raw), record: record}
	if err := m.identify(inner["SequenceNumber"], "SequenceNumber"); err != nil {
		return m, err
	}
	defaults(record, map[string]any{
		"dynamodb": inner, "eventSource": "aws:dynamodb", "eventVersion": "1.1", "eventID": hash(m.ID)[:32], "eventName": "INSERT",
		"awsRegion": region(cfg.ARN), "eventSourceARN": cfg.ARN,
	})
	return m, nil
}

func (m *Message) identify(id any, member string) error {
	var ok bool
	if m.ID, ok = id.(string); !ok || m.ID == "" {
		return fmt.Errorf("its %s is no text", member)
	}
	return nil
}
