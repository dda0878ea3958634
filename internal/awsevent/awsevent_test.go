package awsevent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// samples are events in the form and order of members of AWS's documentation,
// with values of our own; near is one that looks alike and is none.
var samples = []struct {
	want        string
	event, near string
}{
	{"api_gateway_authorizer", `{"type":"TOKEN","authorizationToken":"t","methodArn":"arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/pets"}`, `{"type":"TOKEN","token":"t"}`},
	{"api_gateway_authorizer", `{"version":"2.0","type":"REQUEST","routeArn":"arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/pets","identitySource":["u"],"routeKey":"GET /pets","headers":{},"requestContext":{"http":{"method":"GET"},"domainName":"abc.execute-api.eu-west-1.amazonaws.com"}}`, `{"type":"REQUEST","body":"{}"}`},
	{"api_gateway_authorizer", `{"type":"REQUEST","methodArn":"arn:aws:execute-api:x","resource":"/pets","path":"/pets","httpMethod":"GET","headers":{},"requestContext":{"stage":"prod"}}`, `{"type":"request","methodArn":"x"}`},
	{"api_gateway_v2", `{"version":"2.0","routeKey":"POST /orders","rawPath":"/orders","rawQueryString":"","headers":{"host":"x"},"requestContext":{"accountId":"123456789012","apiId":"abc","domainName":"abc.execute-api.eu-west-1.amazonaws.com","http":{"method":"POST","path":"/orders"},"stage":"$default"},"body":"{\"a\":1}","isBase64Encoded":false}`, `{"version":"2.0","requestContext":{"id":1}}`},
	{"function_url", `{"version":"2.0","routeKey":"$default","rawPath":"/","headers":{},"requestContext":{"accountId":"anonymous","domainName":"abc123.lambda-url.eu-west-1.on.aws","http":{"method":"GET","path":"/"},"stage":"$default"},"isBase64Encoded":false}`, `{"version":"2.0","domainName":"abc123.lambda-url.eu-west-1.on.aws"}`},
	{"api_gateway_v1", `{"resource":"/pets/{id}","path":"/pets/1","httpMethod":"GET","headers":{"Accept":"*/*"},"multiValueHeaders":{"Accept":["*/*"]},"queryStringParameters":null,"pathParameters":{"id":"1"},"stageVariables":null,"requestContext":{"resourceId":"x","resourcePath":"/pets/{id}","httpMethod":"GET"},"body":null,"isBase64Encoded":false}`, `{"resource":"db","httpMethod":"GET"}`},
	{"api_gateway_v1", `{"version":"1.0","resource":"/a","path":"/a","httpMethod":"GET","headers":{},"requestContext":{"domainName":"id.execute-api.eu-west-1.amazonaws.com","httpMethod":"GET"},"body":"Hello"}`, `{"version":"1.0","path":"/a","httpMethod":"GET"}`},
	{"alb", `{"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:x"}},"httpMethod":"GET","path":"/","queryStringParameters":{},"headers":{"host":"x"},"body":"","isBase64Encoded":false}`, `{"requestContext":"elb","httpMethod":"GET"}`},
	{"vpc_lattice", `{"version":"2.0","path":"/","method":"GET","headers":{"host":["x"]},"queryStringParameters":{},"body":"","requestContext":{"serviceNetworkArn":"arn:aws:vpc-lattice:x","serviceArn":"arn:y","region":"eu-west-1"}}`, `{"requestContext":{"serviceNetworkArn":"x"}}`},
	{"vpc_lattice", `{"raw_path":"/a","method":"GET","headers":{"host":"x"},"query_string_parameters":{},"body":"","is_base64_encoded":false}`, `{"raw_path":"/a"}`},
	{"appsync", `{"arguments":{"id":"1"},"identity":null,"source":null,"request":{"headers":{}},"info":{"fieldName":"getPost","parentTypeName":"Query","variables":{}},"stash":{}}`, `{"info":{"field":"x"}}`},
	{"appsync", `[{"arguments":{"id":"1"},"info":{"fieldName":"author","parentTypeName":"Post"}},{"arguments":{}}]`, `[{"Records":[{"eventSource":"aws:sqs"}]}]`},
	{"sqs", `{"Records":[{"messageId":"m1","receiptHandle":"r","body":"{\"eventSource\":\"aws:kinesis\"}","attributes":{"SentTimestamp":"1"},"messageAttributes":{},"md5OfBody":"x","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:x","awsRegion":"eu-west-1"}]}`, `{"Records":[{"body":"eventSource aws:sqs"}]}`},
	{"kinesis", `{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"4","data":"SGVsbG8=","approximateArrivalTimestamp":1.5},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-0:4"}]}`, `{"Records":[{"eventSource":1}]}`},
	{"dynamodb", `{"Records":[{"eventID":"1","eventVersion":"1.1","dynamodb":{"Keys":{"Id":{"N":"1"}},"StreamViewType":"NEW_IMAGE"},"awsRegion":"eu-west-1","eventName":"INSERT","eventSourceARN":"arn:x","eventSource":"aws:dynamodb"}]}`, `{"Records":[null,{"eventSource":"aws:dynamodb"}]}`},
	{"s3", `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"a+b"}}}]}`, `{"Records":[[{"eventSource":"aws:s3"}]]}`},
	{"sns", `{"Records":[{"EventVersion":"1.0","EventSubscriptionArn":"arn:x","EventSource":"aws:sns","Sns":{"Message":"m","Type":"Notification"}}]}`, `{"records":[{"EventSource":"aws:sns"}]}`},
	{"ses", `{"Records":[{"eventVersion":"1.0","ses":{"mail":{"messageId":"x"},"receipt":{}},"eventSource":"aws:ses"}]}`, `{"Records":{"eventSource":"aws:ses"}}`},
	{"codecommit", `{"Records":[{"awsRegion":"eu-west-1","codecommit":{"references":[]},"eventId":"1","eventSource":"aws:codecommit"}]}`, `{"Records":[{"eventSource":"codecommit"}]}`},
	{"firehose", `{"invocationId":"i","deliveryStreamArn":"arn:aws:firehose:x","region":"eu-west-1","records":[{"recordId":"1","approximateArrivalTimestamp":1,"data":"SGk="}]}`, `{"records":[{"recordId":"1"}]}`},
	{"kafka", `{"eventSource":"aws:kafka","eventSourceArn":"arn:x","bootstrapServers":"b:9092","records":{"t-0":[{"topic":"t","offset":1,"value":"SGk="}]}}`, `{"eventSource":"kafka"}`},
	{"kafka", `{"eventSource":"SelfManagedKafka","bootstrapServers":"b:9092","records":{"t-0":[]}}`, `{"source":"SelfManagedKafka"}`},
	{"rabbitmq", `{"eventSource":"aws:rmq","eventSourceArn":"arn:x","rmqMessagesByQueue":{"q::/":[]}}`, `{"eventSource":["aws:rmq"]}`},
	{"activemq", `{"eventSource":"aws:mq","eventSourceArn":"arn:x","messages":[]}`, `{"EventSource":"aws:mq"}`},
	{"scheduled", `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{}}`, `{"detail-type":"Scheduled Event"}`},
	{"eventbridge", `{"version":"0","id":"1","detail-type":"Order Placed","source":"my.shop","account":"123456789012","detail":{"id":1}}`, `{"source":"my.shop","detail":{}}`},
	{"cloudwatch_logs", `{"awslogs":{"data":"H4sI"}}`, `{"awslogs":"data"}`},
	{"api_gateway_websocket", `{"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"c=","domainName":"x.execute-api.eu-west-1.amazonaws.com"},"isBase64Encoded":false}`, `{"connectionId":"c="}`},
	{"cloudwatch_alarm", `{"source":"aws.cloudwatch","alarmArn":"arn:x","accountId":"1","time":"t","alarmData":{"alarmName":"a"}}`, `{"alarmArn":"arn:x"}`},
	{"config", `{"invokingEvent":"{}","ruleParameters":"{}","resultToken":"t","eventLeftScope":false,"configRuleArn":"arn:x","configRuleName":"n"}`, `{"configRuleArn":"arn:x"}`},
	{"cognito", `{"version":"1","triggerSource":"PreSignUp_SignUp","region":"eu-west-1","userPoolId":"p","userName":"u","request":{},"response":{}}`, `{"userPoolId":"p"}`},
	{"connect", `{"Details":{"ContactData":{"ContactId":"c"},"Parameters":{}},"Name":"ContactFlowEvent"}`, `{"Details":{"Contact":1}}`},
	{"lex", `{"sessionId":"s","bot":{"name":"b"},"sessionState":{"intent":{"name":"i"}},"inputTranscript":"hi"}`, `{"bot":true}`},
	{"bedrock_agent", `{"messageVersion":"1.0","agent":{"name":"a","id":"1"},"inputText":"hi","sessionId":"s","actionGroup":"g","apiPath":"/p"}`, `{"agent":"007"}`},
	{"s3_object_lambda", `{"xAmzRequestId":"r","getObjectContext":{"inputS3Url":"u","outputRoute":"o"},"protocolVersion":"1.00"}`, `{"inputS3Url":"u"}`},
	{"cloudformation", `{"RequestType":"Create","ResponseURL":"http://p","StackId":"arn:x","RequestId":"1","ResourceType":"Custom::X","LogicalResourceId":"l"}`, `{"StackId":"arn:x"}`},
	{"iot", `{"serialNumber":"G0","clickType":"SINGLE","batteryVoltage":"2000 mV"}`, `{"serialNumber":"G0"}`},
	{"iot", `{"claimCertificateId":"c","certificateId":"d","certificatePem":"p","templateArn":"arn:x","clientId":"i","parameters":{}}`, `{"templateArn":"arn:x"}`},
	{"iot", `{"deviceEvent":{"buttonClicked":{"clickType":"SINGLE"}},"deviceInfo":{"deviceId":"G0"},"placementInfo":{}}`, `{"deviceEvent":{}}`},
	{"iot", `{"token":"t","signatureVerified":true,"protocols":["mqtt"],"protocolData":{"mqtt":{"username":"u"}}}`, `{"protocols":["mqtt"]}`},
	{"api_gateway_websocket", `{"resource":"","path":"","httpMethod":"","headers":{},"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"c="}}`, `{"connectionId":"c="}`},
	{"s3_object_lambda", `{"xAmzRequestId":"r","listObjectsV2Context":{"inputS3Url":"u"},"userRequest":{},"protocolVersion":"1.00"}`, `{"listObjects":{}}`},
	{"s3_object_lambda", `{"xAmzRequestId":"r","headObjectContext":{"inputS3Url":"u"},"protocolVersion":"1.00"}`, `{"headObject":{}}`},
	{"durable", `{"DurableExecutionArn":"arn:x","CheckpointToken":"t","InitialExecutionState":{"Operations":[]}}`, `{"DurableExecutionArn":"arn:x"}`},
}

func TestSources(t *testing.T) {
	http := map[string]bool{"api_gateway_v2": true, "function_url": true, "api_gateway_v1": true, "alb": true, "vpc_lattice": true}
	seen := map[string]bool{}
	for _, s := range samples {
		if !json.Valid([]byte(s.event)) || !json.Valid([]byte(s.near)) {
			t.Fatalf("no JSON: %s, %s", s.event, s.near)
		}
		seen[s.want] = true
		if got := Recognise([]byte(s.event)); got.Name != s.want || got.HTTP != http[s.want] || got.Trigger == "" {
			t.Errorf("%+v, want %s: %s", got, s.want, s.event)
		}
		if got := Recognise([]byte(" \n" + s.event)); got.Name != s.want {
			t.Errorf("behind space: %s, want %s", got.Name, s.want)
		}
		if got := Recognise([]byte(s.near)); got.Event() != "unknown" {
			t.Errorf("near miss of %s is %s: %s", s.want, got.Name, s.near)
		}
		// The order of members does not matter, but for the record's own.
		if got := Recognise(reversed(t, s.event)); got.Name != s.want {
			t.Errorf("reversed: %s, want %s", got.Name, s.want)
		}
	}
	for _, r := range rows() {
		if !seen[r.Name] {
			t.Errorf("no sample of %s", r.Name)
		}
	}
}

// Event is the word, for the test's messages.
func (e Event) Event() string { return e.Name }

// reversed writes the members of an object in the other order.
func reversed(t *testing.T, event string) []byte {
	t.Helper()
	if event[0] == '[' {
		return []byte(event)
	}
	dec := json.NewDecoder(strings.NewReader(event))
	_, _ = dec.Token()
	out := ""
	for dec.More() {
		name, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		member := fmt.Sprintf("%q:%s", name, value)
		if out != "" {
			member += ","
		}
		out = member + out
	}
	return []byte("{" + out + "}")
}

func TestMultiValue(t *testing.T) {
	with := `{"requestContext":{"elb":{}},"httpMethod":"GET","multiValueHeaders":{}}`
	if !Recognise([]byte(with)).MultiValue || Recognise([]byte(samples[7].event)).MultiValue || Recognise([]byte(samples[5].event)).MultiValue {
		t.Error("multiValueHeaders are of ALB, where the event has them")
	}
}

// TestNothing: what is no event of AWS, or none at all.
func TestNothing(t *testing.T) {
	for _, text := range []string{"", " ", "[]", "[1]", `"text"`, "1", "null", "{}", "{", `{"Records`, `{"Records":[]}`, `{"Records":null}`, `{"a":`, "{\"a\":1,}", "\xff",
		strings.Repeat("[", 100_000), `{"a":` + strings.Repeat("[", 100_000)} {
		if got := Recognise([]byte(text)); got != (Event{Source: Unknown()}) {
			t.Errorf("%.40q is %+v", text, got)
		}
	}
}

func TestStatusCode(t *testing.T) {
	for text, want := range map[string]int{
		`{"statusCode":200,"body":"x"}`: 200, `{"body":"{\"statusCode\":500}","statusCode":404}`: 404, `{"statusCode":"201"}`: 201,
		`{"statusCode":99999}`: 0, `{"statusCode":null}`: 0, `{"statusCode":2e2}`: 0, `{}`: 0, `[]`: 0, ``: 0, `{"headers":{"statusCode":500}}`: 0, `{"statusCode":20`: 0,
	} {
		if got := StatusCode([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestRecords(t *testing.T) {
	for text, want := range map[string]int{
		string(sqs("b", 10)): 10, `{"Records":[]}`: 0, `{"Records":[1,{"a":[1,2]},null]}`: 3, `{"Records":{}}`: 0, `{"records":[{}],"deliveryStreamArn":"x"}`: 1,
		`{"Records":[{}`: 0, `[]`: 0, ``: 0,
	} {
		if got := OneRecord([]byte(text)); got != (want == 1) {
			t.Errorf("%s: one: %v", text, got)
		}
		if got := Records([]byte(text)); got != want {
			t.Errorf("%.60s: %d, want %d", text, got, want)
		}
	}
}

func TestErrorType(t *testing.T) {
	for text, want := range map[string]string{
		`{"errorMessage":"m","errorType":"KeyError","stackTrace":[]}`: "KeyError", `{"errorType":1}`: "", `{"errorType":"a\"b"}`: "", `[]`: "", `{"cause":{"errorType":"x"}}`: "",
	} {
		if got := ErrorType([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func apiGateway() []byte {
	return []byte(strings.Replace(samples[3].event, `"headers":{"host":"x"}`, `"headers":{"host":"x","cookie":"`+strings.Repeat("c", 2500)+`"}`, 1))
}

func sqs(body string, n int) []byte {
	record := strings.Replace(samples[12].event[len(`{"Records":[`):len(samples[12].event)-2], `{\"eventSource\":\"aws:kinesis\"}`, body, 1)
	return []byte(`{"Records":[` + strings.TrimSuffix(strings.Repeat(record+",", n), ",") + `]}`)
}

// TestNoMemory: a scan allocates nothing.
func TestNoMemory(t *testing.T) {
	for _, event := range [][]byte{apiGateway(), sqs("b", 10), []byte(samples[11].event)} {
		if n := testing.AllocsPerRun(100, func() { Recognise(event); StatusCode(event) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	event := sqs(strings.Repeat("x", 250), 6<<20/500)
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			Records(event)
		}
	})
	b.Run("one or not", func(b *testing.B) {
		for b.Loop() {
			OneRecord(event)
		}
	})
}

func BenchmarkRecognise(b *testing.B) {
	for name, event := range map[string][]byte{
		"api gateway 3 kB":      apiGateway(),
		"sqs 6 MiB of 500 B":    sqs(strings.Repeat("x", 250), 6<<20/500),
		"sqs one record of MiB": sqs(strings.Repeat(`{\"a\":1}`, 1<<17), 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Recognise(event)
			}
		})
	}
}

func FuzzRecognise(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.event))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := Recognise(text)
		if got := Recognise(bytes.Clone(text)); got != whole {
			t.Errorf("%+v and %+v", got, whole)
		}
		StatusCode(text)
		Recognise(text[:len(text)/2])
	})
}
