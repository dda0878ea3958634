package awsdecode

import (
	"strings"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/nearest"
)

// Envelope finds the payload in an event: an expression, or one with a
// built-in name. Safe for concurrent use.
type Envelope struct {
	text string
	find *jmes.Expression
	one  bool // of one record
	then func(jmes.Value) (jmes.Value, error)
}

// BuiltIn is a built-in name for what a source wraps around the payload.
type BuiltIn struct {
	Name, Expression string
	Meaning          string // of those that are ours; empty: Powertools' own, which the expression says

	one, body bool
	then      func(jmes.Value) (jmes.Value, error) // what no expression can do
}

// BuiltIns is the table of the names: Powertools' own, then those for what its
// parsers do beyond expressions.
func BuiltIns() []BuiltIn {
	const records, firehose = "Records[*].powertools_json(body)", "records[*].powertools_json(powertools_base64(data))"
	list := []BuiltIn{}
	for _, e := range [...]struct{ name, expression string }{
		{"API_GATEWAY_REST", "powertools_json(body)"},
		{"API_GATEWAY_HTTP", "powertools_json(body)"},
		{"SQS", records},
		{"SNS", "Records[0].Sns.Message | powertools_json(@)"},
		{"EVENTBRIDGE", "detail"},
		{"CLOUDWATCH_EVENTS_SCHEDULED", "detail"},
		{"KINESIS_DATA_STREAM", "Records[*].kinesis.powertools_json(powertools_base64(data))"},
		{"CLOUDWATCH_LOGS", "awslogs.powertools_base64_gzip(data) | powertools_json(@).logEvents[*]"},
		{"S3_SQS", records + ".Records[0]"},
		{"S3_SNS_SQS", records + ".powertools_json(Message).Records[0]"},
		{"S3_EVENTBRIDGE_SQS", records + ".detail"},
		{"S3_KINESIS_FIREHOSE", firehose + ".Records[0]"},
		{"S3_SNS_KINESIS_FIREHOSE", firehose + ".powertools_json(Message).Records[0]"},
	} {
		list = append(list, BuiltIn{Name: e.name, Expression: e.expression})
	}
	one := func(name, of, meaning string, then func(jmes.Value) (jmes.Value, error)) BuiltIn {
		return BuiltIn{Name: name, Expression: "Records[0]." + of, Meaning: meaning, one: true, then: then}
	}
	return append(list,
		one("SQS_RECORD", "powertools_json(body)", "the message of an event with one record", nil),
		one("SNS_SQS_RECORD", "powertools_json(body).powertools_json(Message)", "the notification in the message of an event with one record", nil),
		one("KINESIS_RECORD", "kinesis.powertools_json(powertools_base64(data))", "the data of an event with one record", nil),
		one("DYNAMODB_NEW_IMAGE", "dynamodb.NewImage", "the item after the change, without types, of an event with one record", image),
		one("DYNAMODB_OLD_IMAGE", "dynamodb.OldImage", "the item before the change, without types, of an event with one record", image),
		BuiltIn{Name: "KAFKA_VALUE", Expression: "records.*[].powertools_json(powertools_base64(value))", Meaning: "the values of all records, in the order of the partitions in the event"},
		BuiltIn{Name: "BODY", Expression: "@", Meaning: "the body of an HTTP event, which may be base64", body: true},
	)
}

// CompileEnvelope compiles a built-in name or a JMESPath expression. The error
// is a *jmes.SyntaxError.
func CompileEnvelope(text string) (*Envelope, error) {
	e := &Envelope{text: text}
	expression := text
	var err error
	for _, b := range BuiltIns() {
		if b.Name != text {
			continue
		}
		if expression, e.one, e.then = b.Expression, b.one, b.then; b.body {
			if e.then, err = httpBody(); err != nil {
				return nil, err
			}
		}
	}
	e.find, err = jmes.Compile(expression)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// String returns the text that the envelope was made of.
func (e *Envelope) String() string { return e.text }

// Search returns what the envelope finds in an event, null where there is
// nothing. The error is a *jmes.EvalError and holds nothing of the event.
//
// An envelope of one record refuses an event of several: whatever came out of
// the first one, the others would be lost without a word.
func (e *Envelope) Search(event jmes.Value) (jmes.Value, error) {
	if e.one && len(event.Field("Records").Elements()) > 1 {
		return jmes.Value{}, &jmes.EvalError{Msg: "the envelope is for one record, and the event has several: switch batch on, or let the event source send one"}
	}
	v, err := e.find.Search(event)
	if err != nil || e.then == nil {
		return v, err
	}
	return e.then(v)
}

func image(v jmes.Value) (jmes.Value, error) {
	if v.Kind() == jmes.Null {
		return v, nil
	}
	plain, ok := item(v)
	if !ok {
		return jmes.Value{}, &jmes.EvalError{Msg: "the image is not made of DynamoDB's typed values"}
	}
	return plain, nil
}

// httpBody finds what an HTTP event carries; nothing is null.
func httpBody() (func(event jmes.Value) (jmes.Value, error), error) {
	plain, err := jmes.Compile("powertools_json(body)")
	if err != nil {
		return nil, err
	}
	encoded, err := jmes.Compile("powertools_json(powertools_base64(body))")
	if err != nil {
		return nil, err
	}
	return func(event jmes.Value) (jmes.Value, error) {
		switch body := event.Field("body"); {
		case body.Kind() != jmes.String:
			return body, nil
		case isBase64(event):
			return encoded.Search(event)
		}
		return plain.Search(event)
	}, nil
}

// isBase64 is what an HTTP event says of its body.
func isBase64(event jmes.Value) bool {
	return event.Field("isBase64Encoded").True() || event.Field("is_base64_encoded").True()
}

// NearBuiltIn is the built-in name that a text in capitals was perhaps meant
// to be; empty: it is one, or looks like none. It is an expression all the
// same: a field of that name.
func NearBuiltIn(text string) string {
	if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return ""
	}
	var names []string
	for _, b := range BuiltIns() {
		if b.Name == text {
			return ""
		}
		names = append(names, b.Name)
	}
	return nearest.Of(text, names)
}
