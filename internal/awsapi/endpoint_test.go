package awsapi

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

func lookupIn(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

// The generated clients carry AWS's own endpoint rules; ours must name the same
// hosts.
func TestHostsAgreeWithGeneratedClients(t *testing.T) {
	resolvers := map[string]func(region string, fips, dual bool) (smithyendpoints.Endpoint, error){
		SSM: func(region string, fips, dual bool) (smithyendpoints.Endpoint, error) {
			return ssm.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), ssm.EndpointParameters{Region: &region, UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual)})
		},
		SecretsManager: func(region string, fips, dual bool) (smithyendpoints.Endpoint, error) {
			return secretsmanager.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), secretsmanager.EndpointParameters{Region: &region, UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual)})
		},
		DynamoDB: func(region string, fips, dual bool) (smithyendpoints.Endpoint, error) {
			return dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), dynamodb.EndpointParameters{Region: &region, UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual)})
		},
		AppConfigData: func(region string, fips, dual bool) (smithyendpoints.Endpoint, error) {
			return appconfigdata.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), appconfigdata.EndpointParameters{Region: &region, UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual)})
		},
		Lambda: func(region string, fips, dual bool) (smithyendpoints.Endpoint, error) {
			return lambda.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), lambda.EndpointParameters{Region: &region, UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual)})
		},
	}
	regions := []string{
		"us-east-1", "eu-central-1", "ap-southeast-7", "mx-central-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1",
		"us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1", "xx-new-1",
	}
	for name, resolve := range resolvers {
		for _, region := range regions {
			for _, mode := range []struct{ fips, dual bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
				if region[:3] == "cn-" && mode.fips {
					continue // China has no FIPS endpoints; the rules invent one
				}
				svc, _ := lookupService(name)
				e := endpoints{lookup: lookupIn(nil), fips: mode.fips, dualStack: mode.dual}
				got, err := e.resolve(svc, Operation{Service: name, Region: region})
				if err != nil {
					t.Fatal(err)
				}
				want, err := resolve(region, mode.fips, mode.dual)
				if err != nil {
					t.Fatal(err)
				}
				if got.url != want.URI.String()+"/" {
					t.Errorf("%s in %s, fips %t, dual-stack %t: %s, want %s", name, region, mode.fips, mode.dual, got.url, &want.URI)
				}
			}
		}
	}
}

func TestConfiguredEndpoints(t *testing.T) {
	const own = "https://secretsmanager.eu-west-1.amazonaws.com/"
	for _, tc := range []struct {
		name string
		env  map[string]string
		url  string
		by   string
	}{
		{"none", nil, own, ""},
		{"general", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/", "AWS_ENDPOINT_URL"},
		{"service wins", map[string]string{"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://b:1/base/"}, "https://b:1/base/", "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		{"another service's", map[string]string{"AWS_ENDPOINT_URL_SSM": "http://a"}, own, ""},
		{"empty is unset", map[string]string{"AWS_ENDPOINT_URL": ""}, own, ""},
		{"ignored", map[string]string{"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}, own, ""},
		{"query and password are dropped", map[string]string{"AWS_ENDPOINT_URL": "http://u:p@a?x=1#f"}, "http://a/", "AWS_ENDPOINT_URL"},
		{"wins over fips", map[string]string{"AWS_ENDPOINT_URL": "http://a", "AWS_USE_FIPS_ENDPOINT": "true"}, "http://a/", "AWS_ENDPOINT_URL"},
		{"fips", map[string]string{"AWS_USE_FIPS_ENDPOINT": "TRUE"}, "https://secretsmanager-fips.eu-west-1.amazonaws.com/", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := newEndpoints(lookupIn(tc.env), "eu-west-1")
			svc, _ := lookupService(SecretsManager)
			got, err := e.resolve(svc, Operation{Service: SecretsManager})
			if err != nil || got.url != tc.url || got.env != tc.by || got.region != "eu-west-1" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestRegionComesFromTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name, option string
		env          map[string]string
		want         string
	}{
		{"option", "us-east-2", map[string]string{"AWS_REGION": "a"}, "us-east-2"},
		{"AWS_REGION", "", map[string]string{"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "b"}, "eu-west-3"},
		{"AWS_DEFAULT_REGION", "", map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if e := newEndpoints(lookupIn(tc.env), tc.option); e.region != tc.want {
				t.Errorf("region %q", e.region)
			}
		})
	}
}

// Whatever a caller passes as region or endpoint, a request goes to a host that
// an operator or AWS named.
func FuzzResolve(f *testing.F) {
	f.Add("eu-west-1", "")
	f.Add("evil.example/", "http://h")
	f.Add("a@b", "https://u:p@h:1/x?y")
	f.Fuzz(func(t *testing.T, region, endpoint string) {
		e := newEndpoints(lookupIn(map[string]string{"AWS_ENDPOINT_URL": endpoint}), "")
		svc, _ := lookupService(SSM)
		got, err := e.resolve(svc, Operation{Service: SSM, Name: "X", Region: region})
		if err != nil {
			if !errors.As(err, new(*RequestError)) {
				t.Fatalf("error %T", err)
			}
			return
		}
		if got.env == "" {
			host := strings.TrimSuffix(strings.TrimPrefix(got.url, "https://ssm."), "/")
			if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.Contains(region, ".") {
				t.Fatalf("url %q", got.url)
			}
		}
	})
}
