package awsemu_test

import (
	"hash/crc32"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const signed = "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/SERVICE/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=" +
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// raw posts one call without an SDK, so that bytes can be compared.
func (w *world) raw(t *testing.T, target, authorization, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func as(service string) string { return strings.Replace(signed, "SERVICE", service, 1) }

// The expected texts are what the services send, as recorded in their SDKs'
// models and in bug reports that quote raw bodies.
func TestWireBytes(t *testing.T) {
	w := newWorld(t, `
parameters:
  /a: {value: x<y, modified: 2022-11-16T08:22:40.362Z}
secrets:
  s: {value: v, id: 11111111-1111-1111-1111-111111111111, created: 2023-12-28T14:57:31.359Z}
tables:
  tab: {items: [{id: a, value: 1}]}
`)
	for _, tt := range []struct {
		outcome, target, service, body string
		status                         int
		content, want                  string
	}{
		{"parameter: members in order, seconds as a number", "AmazonSSM.GetParameter", "ssm", `{"Name":"/a:1"}`, 200, "application/x-amz-json-1.1",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/a","DataType":"text","LastModifiedDate":1.668586960362E9,"Name":"/a","Selector":":1","Type":"String","Value":"x<y","Version":1}}`},
		{"parameter not found has no message", "AmazonSSM.GetParameter", "ssm", `{"Name":"/none"}`, 400, "application/x-amz-json-1.1",
			`{"__type":"ParameterNotFound"}`},
		{"secret", "secretsmanager.GetSecretValue", "secretsmanager", `{"SecretId":"s"}`, 200, "application/x-amz-json-1.1",
			`{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-SUFFIX","CreatedDate":1.703775451359E9,"Name":"s","SecretString":"v","VersionId":"11111111-1111-1111-1111-111111111111","VersionStages":["AWSCURRENT"]}`},
		{"secret not found says Message", "secretsmanager.GetSecretValue", "secretsmanager", `{"SecretId":"n"}`, 400, "application/x-amz-json-1.1",
			`{"Message":"Secrets Manager can't find the specified secret.","__type":"ResourceNotFoundException"}`},
		{"item", "DynamoDB_20120810.GetItem", "dynamodb", `{"TableName":"tab","Key":{"id":{"S":"a"}}}`, 200, "application/x-amz-json-1.0",
			`{"Item":{"id":{"S":"a"},"value":{"N":"1"}}}`},
		{"no item is an empty object", "DynamoDB_20120810.GetItem", "dynamodb", `{"TableName":"tab","Key":{"id":{"S":"b"}}}`, 200, "application/x-amz-json-1.0", `{}`},
		{"table not found has the long type", "DynamoDB_20120810.GetItem", "dynamodb", `{"TableName":"n","Key":{"id":{"S":"b"}}}`, 400, "application/x-amz-json-1.0",
			`{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`},
		{"no JSON", "AmazonSSM.GetParameter", "ssm", `{"Name":`, 400, "application/x-amz-json-1.1",
			`{"__type":"SerializationException","message":"the request is not the JSON of GetParameter: unexpected end of JSON input"}`},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			resp, body := w.raw(t, tt.target, as(tt.service), tt.body)
			body = regexp.MustCompile(`secret:s-[A-Za-z0-9]{6}"`).ReplaceAllString(body, `secret:s-SUFFIX"`)
			if resp.StatusCode != tt.status || body != tt.want || resp.Header.Get("Content-Type") != tt.content {
				t.Errorf("%d %s\n got %s\nwant %s", resp.StatusCode, resp.Header.Get("Content-Type"), body, tt.want)
			}
			if id := resp.Header.Get("x-amzn-RequestId"); len(id) != 36 {
				t.Errorf("request id %q", id)
			}
			crc := resp.Header.Get("x-amz-crc32")
			if want := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10); tt.service == "dynamodb" && crc != want {
				t.Errorf("crc32 %q, want %s", crc, want)
			}
		})
	}
}

func TestRefusesWhatIsNotACall(t *testing.T) {
	w := newWorld(t, example(t))
	for _, tt := range []struct {
		outcome, target, authorization string
		status                         int
		want                           string
	}{
		{"no signature", "AmazonSSM.GetParameter", "", 403, "MissingAuthenticationTokenException"},
		{"another scheme", "AmazonSSM.GetParameter", "Bearer x", 403, "MissingAuthenticationTokenException"},
		{"no signature in the header", "AmazonSSM.GetParameter", strings.TrimSuffix(as("ssm"), "f"), 403, "MissingAuthenticationTokenException"},
		{"host not signed", "AmazonSSM.GetParameter", strings.Replace(as("ssm"), "host;", "", 1), 403, "MissingAuthenticationTokenException"},
		{"scope of another service", "AmazonSSM.GetParameter", as("dynamodb"), 400, "should be scoped to correct service: 'ssm'"},
		{"no target", "", as("ssm"), 400, "UnknownOperationException"},
		{"unknown operation", "AmazonSSM.DeleteParameter", as("ssm"), 400, "UnknownOperationException"},
		{"unknown service", "Kinesis_20131202.PutRecord", as("kinesis"), 400, "UnknownOperationException"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			resp, body := w.raw(t, tt.target, tt.authorization, `{"Name":"/demo/greeting"}`)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, body, tt.status, tt.want)
			}
		})
	}
}

func TestRefusesAHugeBody(t *testing.T) {
	w := newWorld(t, "")
	resp, body := w.raw(t, "AmazonSSM.GetParameter", as("ssm"), `{"Name":"`+strings.Repeat("x", 1<<20)+`"}`)
	if resp.StatusCode != 400 || !strings.Contains(body, "too large") {
		t.Errorf("%d %.100s", resp.StatusCode, body)
	}
}
