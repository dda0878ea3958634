package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// TestBatchLibrariesInside: a handler that uses its library's processor gets
// batches of one, and Lambda gets the answer that it gets without us.
func TestBatchLibrariesInside(t *testing.T) {
	library := harness.Need(t, "powertools")
	files := map[string]string{
		"app.py": `import base64
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor
TYPES = {"aws:sqs": EventType.SQS, "aws:kinesis": EventType.KinesisDataStreams, "aws:dynamodb": EventType.DynamoDBStreams}
def record(r):
  body = getattr(r, "body", None)
  if body is None:
    body = base64.b64decode(r.kinesis.data).decode() if r.event_source == "aws:kinesis" else r.dynamodb.new_image["Message"]
  if body == "fail":
    raise ValueError("asked")
def handler(event, context):
  first = event["Records"][0]
  fifo = first.get("eventSourceARN", "").endswith(".fifo")
  processor = SqsFifoPartialProcessor() if fifo else BatchProcessor(event_type=TYPES[first["eventSource"]])
  return process_partial_response(event=event, record_handler=record, processor=processor, context=context)
`,
		"app.js": `const { BatchProcessor, SqsFifoPartialProcessor, EventType, processPartialResponse, processPartialResponseSync } = require('` + library + `/node_modules/@aws-lambda-powertools/batch')
const types = { 'aws:sqs': EventType.SQS, 'aws:kinesis': EventType.KinesisDataStreams, 'aws:dynamodb': EventType.DynamoDBStreams }
const record = (r) => {
  const body = r.body ?? (r.kinesis ? Buffer.from(r.kinesis.data, 'base64').toString() : r.dynamodb.NewImage.Message.S)
  if (body === 'fail') throw new Error('asked')
}
exports.handler = async (event, context) => {
  const first = event.Records[0]
  if ((first.eventSourceARN || '').endsWith('.fifo')) return processPartialResponseSync(event, record, new SqsFifoPartialProcessor(), { context })
  return processPartialResponse(event, async (r) => record(r), new BatchProcessor(types[first.eventSource]), { context })
}
`,
	}
	for _, runtime := range []string{"python", "node"} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			sandboxes := map[bool]*sandbox{}
			for _, ours := range []bool{false, true} {
				opt := oneRecord(t)[runtime]
				for name, text := range files {
					if err := os.WriteFile(filepath.Join(opt.Dir, name), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				opt.Timeout, opt.InitTimeout = 30*time.Second, 30*time.Second
				opt.Env = map[string]string{"PYTHONPATH": library + "/python", "POWERTOOLS_TRACE_DISABLED": "true", "AWS_ENDPOINT_URL": harness.FakeAWS(t).URL}
				if ours {
					opt = wrapped(t, opt, "POWERTOOLS_BATCH", "sqs,kinesis,dynamodb", "POWERTOOLS_BATCH_VERIFY", "off", "POWERTOOLS_BATCH_STREAM_STOP", "false")
				}
				sandboxes[ours] = start(t, opt)
			}
			n := 0
			for name, event := range vectorEvents(t) {
				var answers [2]lambdaemu.Response
				for i, ours := range []bool{false, true} {
					answers[i] = sandboxes[ours].Invoke(event)
				}
				alone, proxied := answers[0], answers[1]
				if (alone.FunctionError == "") != (proxied.FunctionError == "") || alone.FunctionError == "" && !same(alone.Payload, proxied.Payload) {
					t.Errorf("%s: alone %s %s, with us %s %s", name, alone.FunctionError, alone.Payload, proxied.FunctionError, proxied.Payload)
				}
				n++
			}
			if n < 10 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// vectorEvents are the events of the vectors that have records and the default
// options.
func vectorEvents(t *testing.T) map[string]string {
	t.Helper()
	events := map[string]string{}
	for _, library := range []string{"python", "typescript"} {
		text, err := os.ReadFile("../../internal/batch/testdata/batch_" + library + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Cases []struct {
				Name  string
				Event json.RawMessage
			}
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Cases {
			if strings.Contains(string(v.Event), "eventSource") && !strings.Contains(v.Name, "throwOnFull") && !strings.Contains(v.Name, "skipGroup") {
				events[fmt.Sprint(library, " ", v.Name)] = string(v.Event)
			}
		}
	}
	return events
}
