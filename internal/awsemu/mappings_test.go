package awsemu_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
)

const mappingsYAML = `
event_source_mappings:
  - {event_source: 'arn:aws:sqs:us-east-1:123456789012:orders', function: shop, report_batch_item_failures: true}
  - {event_source: 'arn:aws:sqs:us-east-1:123456789012:orders.fifo', function: 'shop:live'}
  - {event_source: 'arn:aws:kinesis:us-east-1:123456789012:stream/clicks', function: 'arn:aws:lambda:us-east-1:123456789012:function:shop', batch_size: 500, enabled: false}
`

func TestListEventSourceMappings(t *testing.T) {
	w := newWorld(t, mappingsYAML)
	client := lambda.NewFromConfig(w.aws)
	for _, tt := range []struct {
		outcome, source, function string
		want                      []string
		code                      string
	}{
		{outcome: "all", want: []string{"orders 10 [ReportBatchItemFailures] Enabled shop", "orders.fifo 10 [] Enabled shop:live", "stream/clicks 500 [] Disabled shop"}},
		{outcome: "of a queue", source: "arn:aws:sqs:us-east-1:123456789012:orders", want: []string{"orders 10 [ReportBatchItemFailures] Enabled shop"}},
		{outcome: "of an alias", function: "shop:live", want: []string{"orders.fifo 10 [] Enabled shop:live"}},
		{outcome: "of the function alone", function: "arn:aws:lambda:us-east-1:123456789012:function:shop", want: []string{"orders 10 [ReportBatchItemFailures] Enabled shop", "stream/clicks 500 [] Disabled shop"}},
		{outcome: "of $LATEST", function: "123456789012:function:shop:$LATEST", source: "arn:aws:sqs:us-east-1:123456789012:orders", want: []string{"orders 10 [ReportBatchItemFailures] Enabled shop"}},
		{outcome: "of another function", function: "other"},
		{outcome: "no name at all", function: "a b", code: "ValidationException"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			in := &lambda.ListEventSourceMappingsInput{}
			if tt.source != "" {
				in.EventSourceArn = &tt.source
			}
			if tt.function != "" {
				in.FunctionName = &tt.function
			}
			out, err := client.ListEventSourceMappings(t.Context(), in)
			if code(err) != tt.code {
				t.Fatalf("got %v, want %q", err, tt.code)
			}
			if err != nil {
				return
			}
			var got []string
			for _, m := range out.EventSourceMappings {
				last := func(arn *string, parts int) string { return strings.SplitN(*arn, ":", parts)[parts-1] }
				got = append(got, fmt.Sprint(last(m.EventSourceArn, 6), " ", *m.BatchSize, " ", m.FunctionResponseTypes, " ", *m.State, " ", last(m.FunctionArn, 7)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListEventSourceMappingsPages(t *testing.T) {
	w := newWorld(t, "")
	client := lambda.NewFromConfig(w.aws)
	for i := range 230 {
		w.server.AddMapping(awsemu.Mapping{EventSource: fmt.Sprintf("arn:aws:sqs:us-east-1:123456789012:q%d", i), Function: "shop"})
	}
	w.server.AddMapping(awsemu.Mapping{EventSource: "arn:aws:sqs:us-east-1:123456789012:q229", Function: "shop", BatchSize: 7})
	pages := lambda.NewListEventSourceMappingsPaginator(client, &lambda.ListEventSourceMappingsInput{FunctionName: ptr("shop")})
	seen, last := map[string]bool{}, int32(0)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.EventSourceMappings {
			seen[*m.EventSourceArn], last = true, *m.BatchSize
		}
	}
	if len(seen) != 230 || last != 7 {
		t.Errorf("%d mappings, the last with batch size %d", len(seen), last)
	}
}

func TestListEventSourceMappingsFaults(t *testing.T) {
	for fault, want := range map[string]string{"throttled": "TooManyRequestsException", "denied": "AccessDeniedException", "error-500": "ServiceException"} {
		w := newWorld(t, mappingsYAML)
		if err := w.server.SetFault(fault); err != nil {
			t.Fatal(err)
		}
		_, err := lambda.NewFromConfig(w.aws).ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
		if code(err) != want {
			t.Errorf("%s: %v, want %s", fault, err, want)
		}
		if fault == "denied" && !strings.Contains(err.Error(), "lambda:ListEventSourceMappings on resource: *") {
			t.Errorf("%v does not name the action", err)
		}
	}
}
