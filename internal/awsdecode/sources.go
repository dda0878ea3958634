package awsdecode

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

func (d *decoder) sqs(r jmes.Value) {
	d.value("id", r.Field("messageId"))
	d.payload("body", r.Field("body"))
}

func (d *decoder) sns(r jmes.Value) {
	sns := r.Field("Sns")
	d.value("id", sns.Field("MessageId"))
	d.value("subject", sns.Field("Subject"))
	d.payload("body", sns.Field("Message"))
}

func (d *decoder) kinesis(r jmes.Value) {
	k := r.Field("kinesis")
	d.value("id", k.Field("sequenceNumber"))
	d.value("partition_key", k.Field("partitionKey"))
	d.data("data", "base64", k.Field("data"))
}

func (d *decoder) firehose(r jmes.Value) {
	d.value("id", r.Field("recordId"))
	d.data("data", "base64", r.Field("data"))
}

func (d *decoder) rabbitmq(queue string, r jmes.Value) {
	d.value("id", r.Field("basicProperties").Field("messageId"))
	d.text("queue", queue)
	d.data("data", "base64", r.Field("data"))
}

func (d *decoder) activemq(r jmes.Value) {
	d.value("id", r.Field("messageID"))
	d.data("data", "base64", r.Field("data"))
}

func (d *decoder) dynamodb(r jmes.Value) {
	change := r.Field("dynamodb")
	d.value("id", change.Field("SequenceNumber"))
	d.value("event", r.Field("eventName"))
	for _, part := range [...][2]string{{"keys", "Keys"}, {"new_image", "NewImage"}, {"old_image", "OldImage"}} {
		image := change.Field(part[1])
		if image.Kind() == jmes.Null {
			continue
		}
		plain, ok := item(image)
		if !ok {
			d.fail(part[1] + " is not made of DynamoDB's typed values")
			return
		}
		d.value(part[0], plain)
	}
}

func (d *decoder) s3(r jmes.Value) {
	object := r.Field("s3").Field("object")
	d.value("event", r.Field("eventName"))
	d.value("bucket", r.Field("s3").Field("bucket").Field("name"))
	if key := object.Field("key"); key.Kind() == jmes.String {
		d.name("key").quote(unquoted(key.Str()))
	}
	d.value("size", object.Field("size"))
	d.value("etag", object.Field("eTag"))
	d.value("version_id", object.Field("versionId"))
}

// unquoted is the key of an object: S3 sends it as a form writes it, with + for
// a space.
func unquoted(key string) string {
	if plain, err := url.QueryUnescape(key); err == nil && utf8.ValidString(plain) {
		return plain
	}
	return key
}

func (d *decoder) ses(r jmes.Value) {
	d.value("id", r.Field("ses").Field("mail").Field("messageId"))
	d.value("json", r.Field("ses"))
}

func (d *decoder) codecommit(r jmes.Value) {
	d.value("id", r.Field("eventId"))
	d.value("json", r.Field("codecommit"))
}

// kafka: the id is the topic's partition and the offset, which is what names a
// record to Kafka.
func (d *decoder) kafka(partition string, r jmes.Value) {
	d.text("id", partition+"/"+r.Field("offset").Num())
	d.value("topic", r.Field("topic"))
	d.value("partition", r.Field("partition"))
	d.value("offset", r.Field("offset"))
	if key := r.Field("key"); key.Kind() == jmes.String {
		switch plain, why := d.decoded(key.Str()); {
		case why != "" || !utf8.Valid(plain):
			d.value("key_base64", key)
		default:
			d.name("key").quote(string(plain))
		}
	}
	d.data("value", "base64", r.Field("value"))
	d.kafkaHeaders(r.Field("headers"))
}

// kafkaHeaders: each is an object of one list of bytes, signed ones for some
// runtimes. Of two with one name the last counts.
func (d *decoder) kafkaHeaders(list jmes.Value) {
	if len(list.Elements()) == 0 {
		return
	}
	var names []string
	texts := map[string]string{}
	for _, h := range list.Elements() {
		for _, m := range h.Members() {
			var text []byte
			for _, b := range m.Value.Elements() {
				n, _ := strconv.Atoi(b.Num())
				text = append(text, byte(n))
			}
			if !utf8.Valid(text) {
				continue
			}
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
			texts[m.Name] = string(text)
		}
	}
	d.name("headers").add("{")
	for i, name := range names {
		if i > 0 {
			d.add(",")
		}
		d.quote(name)
		d.add(":").quote(texts[name])
	}
	d.add("}")
}

// cloudwatchLogs: one record per line of the log.
func (d *decoder) cloudwatchLogs(data jmes.Value) {
	text, why := d.decoded(data.Str())
	batch, err := jmes.Parse(text)
	if why == "" && (err != nil || batch.Kind() != jmes.Object) {
		why = "is not gzip of a JSON object"
	}
	if why != "" {
		d.record(func() { d.fail("awslogs.data " + why) })
		return
	}
	for _, line := range batch.Field("logEvents").Elements() {
		d.record(func() {
			d.value("id", line.Field("id"))
			d.value("timestamp", line.Field("timestamp"))
			d.value("log_group", batch.Field("logGroup"))
			d.value("log_stream", batch.Field("logStream"))
			d.payload("data", line.Field("message"))
		})
	}
}

// http: what stands at different places in the events of five gateways.
func (d *decoder) http(v jmes.Value) {
	context := v.Field("requestContext")
	d.value("id", context.Field("requestId"))
	d.value("method", first(v.Field("httpMethod"), context.Field("http").Field("method"), v.Field("method")))
	d.value("path", first(v.Field("rawPath"), v.Field("path"), v.Field("raw_path")))
	d.headers(first(v.Field("multiValueHeaders"), v.Field("headers")))
	body := v.Field("body")
	if v.Field("isBase64Encoded").True() || v.Field("is_base64_encoded").True() {
		d.data("body", "base64", body)
		return
	}
	d.payload("body", body)
}

func first(of ...jmes.Value) jmes.Value {
	for _, v := range of {
		if v.Kind() != jmes.Null {
			return v
		}
	}
	return jmes.Value{}
}

// headers writes them with names in lower case, for names have no case, and
// several values as one, as HTTP joins them.
func (d *decoder) headers(v jmes.Value) {
	members := v.Members()
	if len(members) == 0 {
		return
	}
	d.name("headers").add("{")
	for i, m := range members {
		if i > 0 {
			d.add(",")
		}
		d.quote(strings.ToLower(m.Name))
		value := m.Value.Str()
		for j, e := range m.Value.Elements() {
			if j > 0 {
				value += ", "
			}
			value += e.Str()
		}
		d.add(":").quote(value)
	}
	d.add("}")
}
