// Package awsdecode knows what events of AWS's carry: the envelopes that find
// the payload of one, and the records of one, each with its id and with what
// it carries made readable: base64, gzip and DynamoDB's types decoded, JSON in
// strings parsed, the keys of S3's objects unquoted.
//
// The rule a reader could break: one bad record costs one record. It has an
// error in the place of its data, which holds nothing of it, and the number
// and order of the records stay those of the event.
package awsdecode

import (
	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/jmes"
)

// maxDecoded bounds what all base64 and gzip of one event may become, in
// bytes.
const maxDecoded = 16 << 20

// Append appends {"source", "http", "records"} of an event as JSON. The error
// is jmes.ErrNotJSON.
func Append(dst, event []byte) ([]byte, error) {
	v, err := jmes.Parse(event)
	if err != nil {
		return dst, err
	}
	source := awsevent.Recognise(event)
	d := decoder{out: dst, left: maxDecoded}
	d.add(`{"source":`).quote(source.Name)
	if source.HTTP {
		d.add(`,"http":true,"records":[`)
	} else {
		d.add(`,"http":false,"records":[`)
	}
	d.event(source, v)
	d.add("]}")
	return d.out, nil
}

// decoder writes records.
type decoder struct {
	out     []byte
	left    int // of maxDecoded
	records int
	members int // of the record that is being written
}

func (d *decoder) add(text string) *decoder {
	d.out = append(d.out, text...)
	return d
}

func (d *decoder) quote(text string) { d.out = jmes.Text(text).Append(d.out) }

// record writes one record; fill writes its members.
func (d *decoder) record(fill func()) {
	if d.records++; d.records > 1 {
		d.add(",")
	}
	d.members = 0
	d.add("{")
	fill()
	d.add("}")
}

// name begins a member.
func (d *decoder) name(name string) *decoder {
	if d.members++; d.members > 1 {
		d.add(",")
	}
	d.quote(name)
	return d.add(":")
}

// value writes a member as the event has it, null not at all.
func (d *decoder) value(name string, v jmes.Value) {
	if v.Kind() != jmes.Null {
		d.name(name)
		d.out = v.Append(d.out)
	}
}

// text writes a member, an empty one not at all.
func (d *decoder) text(name, text string) {
	if text != "" {
		d.name(name).quote(text)
	}
}

func (d *decoder) fail(why string) { d.name("error").quote(why) }

// each writes the records of a list.
func (d *decoder) each(list jmes.Value, fill func(jmes.Value)) {
	for _, r := range list.Elements() {
		d.record(func() {
			if r.Kind() != jmes.Object {
				d.fail("the record is no object")
				return
			}
			fill(r)
		})
	}
}

// event writes the records of an event.
func (d *decoder) event(source awsevent.Event, v jmes.Value) {
	switch source.Name {
	case "sqs":
		d.each(v.Field("Records"), d.sqs)
	case "sns":
		d.each(v.Field("Records"), d.sns)
	case "kinesis":
		d.each(v.Field("Records"), d.kinesis)
	case "dynamodb":
		d.each(v.Field("Records"), d.dynamodb)
	case "s3":
		d.each(v.Field("Records"), d.s3)
	case "ses":
		d.each(v.Field("Records"), d.ses)
	case "codecommit":
		d.each(v.Field("Records"), d.codecommit)
	case "firehose":
		d.each(v.Field("records"), d.firehose)
	case "kafka":
		for _, partition := range v.Field("records").Members() {
			d.each(partition.Value, func(r jmes.Value) { d.kafka(partition.Name, r) })
		}
	case "rabbitmq":
		for _, queue := range v.Field("rmqMessagesByQueue").Members() {
			d.each(queue.Value, func(r jmes.Value) { d.rabbitmq(queue.Name, r) })
		}
	case "activemq":
		d.each(v.Field("messages"), d.activemq)
	case "cloudwatch_logs":
		d.cloudwatchLogs(v.Field("awslogs").Field("data"))
	default:
		d.record(func() { d.single(source, v) })
	}
}

// single writes the one record of an event that has no list of them.
func (d *decoder) single(source awsevent.Event, v jmes.Value) {
	switch {
	case source.HTTP, source.Name == "api_gateway_websocket":
		d.http(v)
	case source.Name == "eventbridge", source.Name == "scheduled":
		d.value("id", v.Field("id"))
		d.value("detail_type", v.Field("detail-type"))
		d.name("json")
		d.out = v.Field("detail").Append(d.out)
	case source.Name == "config":
		d.parsed("json", v.Field("invokingEvent"))
		d.parsed("rule_parameters", v.Field("ruleParameters"))
	default:
		d.value("id", v.Field("RequestId")) // CloudFormation's
		d.name("json")
		d.out = v.Append(d.out)
	}
}
