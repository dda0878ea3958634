package jmes

// Envelope is a built-in name for what a source wraps around the payload.
type Envelope struct{ Name, Expression string }

// Envelopes is the table of the built-in names, which are Powertools' own.
func Envelopes() []Envelope {
	const records, firehose = "Records[*].powertools_json(body)", "records[*].powertools_json(powertools_base64(data))"
	return []Envelope{
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
	}
}

// CompileEnvelope is Compile for texts that may be a built-in name.
func CompileEnvelope(text string) (*Expression, error) {
	for _, e := range Envelopes() {
		if e.Name == text {
			return Compile(e.Expression)
		}
	}
	return Compile(text)
}
