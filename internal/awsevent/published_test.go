package awsevent

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// published is what AWS's own Go library has as test data, by source. What is
// not listed is no event of a source of the table, or an answer.
func published() map[string]string {
	list := map[string]string{}
	for source, files := range map[string]string{
		"activemq":               "activemq-event",
		"alb":                    "alb-lambda-target-request-headers-only alb-lambda-target-request-multivalue-headers",
		"api_gateway_authorizer": "apigw-custom-auth-request apigw-custom-auth-request-type-request apigw-v2-custom-authorizer-v1-request apigw-v2-custom-authorizer-v2-request",
		"api_gateway_v1":         "apigw-request apigw-restapi-openapi-request",
		"api_gateway_v2":         "apigw-v2-request-iam apigw-v2-request-jwt-authorizer apigw-v2-request-lambda-authorizer apigw-v2-request-no-authorizer",
		"api_gateway_websocket":  "apigw-websocket-request apigw-websocket-request-disconnect apigw-websocket-request-send-message",
		"cloudwatch_logs":        "cloudwatch-logs-event",
		"codecommit":             "code-commit-event",
		"cognito": "cognito-event-userpools-create-auth-challenge cognito-event-userpools-custommessage cognito-event-userpools-define-auth-challenge cognito-event-userpools-inbound-federation-oidc cognito-event-userpools-inbound-federation-saml " +
			"cognito-event-userpools-migrateuser cognito-event-userpools-postauthentication cognito-event-userpools-postconfirmation cognito-event-userpools-preauthentication cognito-event-userpools-presignup cognito-event-userpools-pretokengen " +
			"cognito-event-userpools-pretokengen-v2 cognito-event-userpools-pretokengen-v2_0 cognito-event-userpools-verify-auth-challenge",
		"config":   "config-event",
		"connect":  "connect-event",
		"dynamodb": "dynamodb-event dynamodb-event-malformed.2 dynamodb-time-window-event",
		"eventbridge": "autoscaling-event-launch-successful autoscaling-event-launch-unsuccessful autoscaling-event-lifecycle-action autoscaling-event-terminate-action autoscaling-event-terminate-successful autoscaling-event-terminate-unsuccessful " +
			"codebuild-phase-change codebuild-state-change codedeploy-deployment-event codedeploy-instance-event codepipeline-action-execution-stage-change-event codepipeline-execution-stage-change-event codepipeline-execution-state-change-event " +
			"ecr-image-push-event ecr-image-scan-event ecs-container-instance-state-change",
		"firehose":     "kinesis-firehose-event",
		"function_url": "lambda-urls-request",
		"iot":          "iot-1-click-event iot-button-event iot-custom-auth-request iot-preprovision-hook-request",
		"kafka":        "kafka-event",
		"kinesis":      "kinesis-event kinesis-time-window-event",
		"lex":          "lex-event",
		"rabbitmq":     "rabbitmq-event",
		"s3":           "s3-event s3-event-with-decoded s3-glacier-event s3-intelligenttier-event s3-lifecycle-event s3-replication-event s3-restore-event",
		"s3_object_lambda": "s3-object-lambda-event-get-object-assumed-role s3-object-lambda-event-get-object-iam s3-object-lambda-event-head-object-iam " +
			"s3-object-lambda-event-list-objects-iam s3-object-lambda-event-list-objects-v2-iam",
		"ses": "ses-lambda-event ses-s3-event ses-sns-event",
		"sns": "sns-event cloudwatch-alarm-sns-payload-multiple-metrics cloudwatch-alarm-sns-payload-single-metric",
		"sqs": "sqs-event",
	} {
		for file := range strings.FieldsSeq(files) {
			list[file] = source
		}
	}
	return list
}

// TestPublished: the sample events that AWS publishes, read where the module
// has them.
func TestPublished(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "events", "testdata", "*.json"))
	if err != nil || len(files) < 90 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	got := map[string]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if source := Recognise(b); source.Name != "unknown" {
			got[strings.TrimSuffix(filepath.Base(file), ".json")] = source.Name
			if want := strings.Contains(" api_gateway_v1 api_gateway_v2 function_url alb ", " "+source.Name+" "); source.HTTP != want {
				t.Errorf("%s: HTTP %v", file, source.HTTP)
			}
		}
	}
	if diff := cmp.Diff(published(), got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}
