package awsdecode

import (
	"net/url"
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
	var last texts
	for _, h := range list.Elements() {
		for _, m := range h.Members() {
			var text []byte
			for _, b := range m.Value.Elements() {
				n, _ := strconv.Atoi(b.Num())
				text = append(text, byte(n))
			}
			if utf8.Valid(text) {
				last.set(m.Name, string(text))
			}
		}
	}
	d.texts("headers", last)
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
	d.each(batch.Field("logEvents"), func(line jmes.Value) {
		d.value("id", line.Field("id"))
		d.value("timestamp", line.Field("timestamp"))
		d.value("log_group", batch.Field("logGroup"))
		d.value("log_stream", batch.Field("logStream"))
		d.payload("data", line.Field("message"))
	})
}

// http: what stands at different places in the events of five gateways.
func (d *decoder) http(v jmes.Value) {
	context := v.Field("requestContext")
	d.value("id", context.Field("requestId"))
	d.value("method", first(v.Field("httpMethod"), context.Field("http").Field("method"), v.Field("method")))
	d.value("path", first(v.Field("rawPath"), v.Field("path"), v.Field("raw_path")))
	d.headers(v)
	body := v.Field("body")
	if isBase64(v) {
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

// headers writes those of an HTTP event, with names in lower case, for names
// have no case, and several values as one, as HTTP joins them. The cookies of
// some gateways stand beside them.
func (d *decoder) headers(v jmes.Value) {
	members := v.Field("multiValueHeaders").Members()
	if len(members) == 0 {
		members = v.Field("headers").Members()
	}
	var joined texts
	for _, m := range members {
		joined.join(strings.ToLower(m.Name), m.Value)
	}
	if _, there := joined.byName["cookie"]; !there {
		joined.join("cookie", v.Field("cookies"))
	}
	d.texts("headers", joined)
}

// texts are headers by name, in the order in which the names came.
type texts struct {
	names  []string
	byName map[string]string
}

func (t *texts) set(name, text string) {
	if t.byName == nil {
		t.byName = map[string]string{}
	}
	if _, there := t.byName[name]; !there {
		t.names = append(t.names, name)
	}
	t.byName[name] = text
}

// join adds a value, or a list of them, to what the name has.
func (t *texts) join(name string, v jmes.Value) {
	of := v.Elements()
	if v.Kind() == jmes.String {
		of = []jmes.Value{v}
	}
	separator := ", "
	if name == "cookie" {
		separator = "; "
	}
	for _, e := range of {
		text, there := t.byName[name]
		if there {
			text += separator
		}
		t.set(name, text+e.Str())
	}
}

// texts writes a member of texts, none not at all.
func (d *decoder) texts(name string, t texts) {
	if len(t.names) == 0 {
		return
	}
	d.name(name).add("{")
	for i, name := range t.names {
		if i > 0 {
			d.add(",")
		}
		d.quote(name)
		d.add(":").quote(t.byName[name])
	}
	d.add("}")
}
