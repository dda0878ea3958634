package awsemu_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
)

func (w *world) fault(t *testing.T, text string) {
	t.Helper()
	if err := w.server.SetFault(text); err != nil {
		t.Fatal(err)
	}
}

// calls makes one read of each service and returns the error codes.
func (w *world) calls(ctx context.Context) []string {
	_, errSSM := w.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: ptr("/demo/greeting")})
	_, errSecret := w.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: ptr("demo/api-key")})
	_, errItem := w.dynamo.GetItem(ctx, &dynamodb.GetItemInput{TableName: ptr("demo-config"), Key: av{"id": str("greeting")}})
	return []string{code(errSSM), code(errSecret), code(errItem)}
}

func TestFaultsThatAnswer(t *testing.T) {
	w := newWorld(t, example(t))
	for _, tt := range []struct {
		fault string
		want  []string
	}{
		{"throttled", []string{"ThrottlingException", "ThrottlingException", "ProvisionedThroughputExceededException"}},
		{"denied", []string{"AccessDeniedException", "AccessDeniedException", "AccessDeniedException"}},
		{"error-500", []string{"InternalServerError", "InternalServiceError", "InternalServerError"}},
		{"", []string{"", "", ""}},
	} {
		t.Run("fault "+tt.fault, func(t *testing.T) {
			w.fault(t, tt.fault)
			if diff := cmp.Diff(tt.want, w.calls(t.Context())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeniedNamesActionAndResource(t *testing.T) {
	w := newWorld(t, example(t))
	w.fault(t, "denied")
	_, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/demo/greeting")})
	const want = "not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:us-east-1:123456789012:parameter/demo/greeting because"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestFaultsThatCutOff(t *testing.T) {
	w := newWorld(t, example(t))
	for _, tt := range []struct {
		fault string
		want  error
	}{{"reset", syscall.ECONNRESET}, {"down", io.EOF}} {
		t.Run(tt.fault, func(t *testing.T) {
			w.fault(t, tt.fault)
			_, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/demo/greeting")})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestHungEndsWithTheClient(t *testing.T) {
	w := newWorld(t, example(t))
	w.fault(t, "hung")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: ptr("/demo/greeting")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSlowAnswersLate(t *testing.T) {
	w := newWorld(t, example(t))
	w.fault(t, "slow:60ms")
	began := time.Now()
	if _, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/demo/greeting")}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}

func TestSetFaultRefuses(t *testing.T) {
	s := awsemu.New(awsemu.Data{})
	for text, want := range map[string]string{
		"slow:fast": `"fast" is not a duration`, "slow:-1s": "not a duration", "denied:x": "takes no argument", "throttled:0": "not a number of calls", "throttled:x": "not a number of calls", "broken": `unknown fault "broken"`,
	} {
		if err := s.SetFault(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	for _, info := range awsemu.Faults() {
		if err := s.SetFault(info.Name); err != nil {
			t.Errorf("listed fault %s: %v", info.Name, err)
		}
	}
}

func TestCounts(t *testing.T) {
	w := newWorld(t, example(t))
	w.calls(t.Context())
	w.fault(t, "throttled")
	w.calls(t.Context())
	w.fault(t, "")
	_, _ = w.ssm.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"/demo/greeting", "/none"}})
	want := []awsemu.Count{
		{Operation: "dynamodb:GetItem", Calls: 2, Failed: 1, Names: map[string]int{"demo-config/greeting": 2}},
		{Operation: "secretsmanager:GetSecretValue", Calls: 2, Failed: 1, Names: map[string]int{"demo/api-key": 2}},
		{Operation: "ssm:GetParameter", Calls: 2, Failed: 1, Names: map[string]int{"/demo/greeting": 2}},
		{Operation: "ssm:GetParameters", Calls: 1, Names: map[string]int{"/demo/greeting": 1, "/none": 1}},
	}
	if diff := cmp.Diff(want, w.server.Counts()); diff != "" {
		t.Error(diff)
	}
}
