package cloudwatch

import (
	"context"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink/awsout"
)

// PostSpans posts OTLP requests to CloudWatch's endpoint for spans of the
// region, signed for X-Ray. (CloudWatch OTLP endpoints)
func PostSpans(aws awsout.Caller) func(ctx context.Context, key string, body []byte, zipped bool) ([]byte, error) {
	return func(ctx context.Context, _ string, body []byte, zipped bool) ([]byte, error) {
		var raw awsapi.Raw
		in := awsapi.REST{Method: "POST", Path: "/v1/traces", JSON: body, Gzip: zipped}
		if err := aws.Call(ctx, awsapi.Operation{Service: awsapi.XRay, Name: "PutTraceSegments", Once: true}, in, &raw); err != nil {
			return nil, awsout.Judge(err)
		}
		return raw.Body, nil
	}
}
