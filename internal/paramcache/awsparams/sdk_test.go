package awsparams_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// sdkConfig points a generated client at url.
func sdkConfig(t *testing.T, url string) aws.Config {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: &url, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
		}),
	}
}

// provider reads from url with the product's own client.
func provider(t *testing.T, url string) *awsparams.Provider {
	t.Helper()
	vars := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
	client := awsapi.New(awsapi.Options{Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, Timeout: 30 * time.Second})
	t.Cleanup(client.CloseIdle)
	return awsparams.New(client, awsparams.Options{})
}

// rebuilt is the wire format of the AWS extension, made from a Value alone.
// ResultMetadata and the order are part of it.
func rebuilt(ref paramcache.Ref, v paramcache.Value) any {
	text := func() *string {
		if !v.IsText {
			return nil
		}
		s := v.Text.Reveal()
		return &s
	}
	if ref.Source == paramcache.Secrets {
		return struct {
			ARN            string
			CreatedDate    time.Time
			Name           string
			SecretBinary   []byte
			SecretString   *string
			VersionID      string `json:"VersionId"`
			VersionStages  []string
			ResultMetadata struct{}
		}{v.ARN, v.Modified, v.Name, v.Binary, text(), v.Version, v.Stages, struct{}{}}
	}
	type parameter struct {
		ARN              string
		DataType         *string
		LastModifiedDate time.Time
		Name             string
		Selector         *string
		SourceResult     *string
		Type             string
		Value            *string
		Version          int64
	}
	var source *string
	if v.SourceResult != nil {
		s := v.SourceResult.Reveal()
		source = &s
	}
	version, _ := strconv.ParseInt(v.Version, 10, 64)
	return struct {
		Parameter      parameter
		ResultMetadata struct{}
	}{Parameter: parameter{v.ARN, v.DataType, v.Modified, v.Name, v.Selector, source, v.Type, text(), version}}
}

// What a Value holds is enough to write what the SDK would have written, byte
// for byte: that is the AWS extension's wire format.
func TestValueHoldsAllTheSDKKnows(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		ref          paramcache.Ref
	}{
		{"parameter", ssmAnswer, paramcache.Ref{Source: "ssm", Name: "/app/db"}},
		{"selector, whole seconds", `{"Parameter":{"ARN":"a","DataType":"text","LastModifiedDate":1668586960,"Name":"n","Selector":":1","Type":"StringList","Value":"a,b","Version":1}}`, paramcache.Ref{Source: "ssm", Name: "n", Version: "1"}},
		{"hundredths, exponent", `{"Parameter":{"ARN":"a","LastModifiedDate":1.66858696036E9,"Name":"n","Type":"String","Value":"v","Version":1}}`, paramcache.Ref{Source: "ssm", Name: "n"}},
		{"secret behind a parameter", `{"Parameter":{"ARN":"a","LastModifiedDate":1668586960.362,"Name":"n","SourceResult":"{\"createdDate\":\"Nov 16, 2022, 8:22:40 AM\"}","Type":"SecureString","Value":"v>","Version":0}}`, paramcache.Ref{Source: "ssm", Name: "n"}},
		{"binary secret behind a parameter", `{"Parameter":{"ARN":"a","LastModifiedDate":1668586960.362,"Name":"n","SourceResult":"{}","Type":"SecureString","Version":0}}`, paramcache.Ref{Source: "ssm", Name: "n"}},
		{"secret", smAnswer, paramcache.Ref{Source: "secrets", Name: "db"}},
		{"binary secret", `{"ARN":"a","CreatedDate":1703775451.359,"Name":"b","SecretBinary":"AP8=","VersionId":"v","VersionStages":["A","B"]}`, paramcache.Ref{Source: "secrets", Name: "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tc.answer) }))
			t.Cleanup(s.Close)
			var want any
			var err error
			if cfg := sdkConfig(t, s.URL); tc.ref.Source == paramcache.SSM {
				want, err = ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: &tc.ref.Name})
			} else {
				want, err = secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &tc.ref.Name})
			}
			if err != nil {
				t.Fatal(err)
			}
			v, err := provider(t, s.URL).Fetch(t.Context(), tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			a, errA := json.Marshal(want)
			b, errB := json.Marshal(rebuilt(tc.ref, v))
			if errA != nil || errB != nil || string(a) != string(b) {
				t.Errorf("%v %v\nsdk  %s\nours %s", errA, errB, a, b)
			}
		})
	}
}
