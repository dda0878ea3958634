package conformance

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"powertools-extension/test/harness"
)

// The cases of AWS's secrets agent, asked in both of its forms: by query and
// by path.

// vault is Secrets Manager in moto, with the SDK's client to set things up.
type vault struct {
	t      *testing.T
	client *secretsmanager.Client
}

func newVault(t *testing.T, url string) vault {
	return vault{t, secretsmanager.NewFromConfig(sdk(url))}
}

// create makes a secret and returns its ARN and version id.
func (v vault) create(name, value string) (arn, version string) {
	v.t.Helper()
	out, err := v.client.CreateSecret(v.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		v.t.Fatal(err)
	}
	v.dropLater(name)
	return *out.ARN, *out.VersionId
}

// dropLater lets the test run again in front of the same moto.
func (v vault) dropLater(name string) {
	v.t.Cleanup(func() {
		_, _ = v.client.DeleteSecret(context.Background(), &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	})
}

func (v vault) createBinary(name string, value []byte) {
	v.t.Helper()
	if _, err := v.client.CreateSecret(v.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretBinary: value}); err != nil {
		v.t.Fatal(err)
	}
	v.dropLater(name)
}

// put writes a version with the stages; none: AWSCURRENT.
func (v vault) put(name, value string, stages ...string) (version string) {
	v.t.Helper()
	out, err := v.client.PutSecretValue(v.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value, VersionStages: stages})
	if err != nil {
		v.t.Fatal(err)
	}
	return *out.VersionId
}

// promote moves AWSCURRENT from one version to another.
func (v vault) promote(name, from, to string) {
	v.t.Helper()
	if _, err := v.client.UpdateSecretVersionStage(v.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &name, VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: &from, MoveToVersionId: &to,
	}); err != nil {
		v.t.Fatal(err)
	}
}

// form is one way to ask for a secret.
type form struct {
	name   string
	path   func(id string) string
	denied int // the status of a wrong token
}

func forms() []form {
	return []form{
		{"query", func(id string) string { return "/secretsmanager/get?secretId=" + url.QueryEscape(id) }, 401},
		{"path", func(id string) string { return "/v1/" + id }, 403},
	}
}

// ask is the URL of a secret in this form with more arguments, name by value.
func (f form) ask(id string, args ...string) string {
	path := f.path(id)
	for i := 0; i+1 < len(args); i += 2 {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		path += sep + args[i] + "=" + url.QueryEscape(args[i+1])
	}
	return path
}

// eachForm runs a case in both forms against one sandbox in front of moto.
func eachForm(t *testing.T, run func(t *testing.T, s *harness.Sandbox, v vault, f form), env ...string) {
	t.Helper()
	moto := harness.Moto(t)
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := awake(t, moto, env...)
			run(t, s, newVault(t, moto), f)
			s.Shutdown()
		})
	}
}

// secret reads and wants 200.
func secret(t *testing.T, s *harness.Sandbox, path string) map[string]any {
	t.Helper()
	status, _, body := s.Get(path)
	if status != 200 {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	return object(t, body)
}

func stages(answer map[string]any) string {
	list, _ := answer["VersionStages"].([]any)
	var out []string
	for _, one := range list {
		out = append(out, one.(string))
	}
	return strings.Join(out, ",")
}

// sdk configures the SDK's generated clients, with which tests fill emulators.
func sdk(url string) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI-K7MDENG"}, nil
		}),
	}
}
