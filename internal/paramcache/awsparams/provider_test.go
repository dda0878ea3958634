package awsparams_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller answers every call with one body or error, and remembers the call.
type caller struct {
	answer string
	err    error
	op     awsapi.Operation
	in     string
	calls  int
}

func (c *caller) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	c.calls++
	c.op = op
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	c.in = string(b)
	if c.err != nil {
		return c.err
	}
	return json.Unmarshal([]byte(c.answer), out)
}

const (
	ssmAnswer = `{"Parameter":{"ARN":"arn:aws:ssm:eu-central-1:123456789012:parameter/app/db","DataType":"text","LastModifiedDate":1668586960.362,"Name":"/app/db","Type":"SecureString","Value":"p<w>","Version":7}}`
	smAnswer  = `{"ARN":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf","CreatedDate":1.703775451359E9,"Name":"db","SecretString":"{\"user\":\"u\"}","VersionId":"v-1","VersionStages":["AWSCURRENT"]}`
)

func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ref    paramcache.Ref
		answer string
		op     awsapi.Operation
		in     string
	}{
		{"parameter", paramcache.Ref{Source: "ssm", Name: "/app/db"}, ssmAnswer,
			awsapi.Operation{Service: "ssm", Name: "GetParameter"}, `{"Name":"/app/db","WithDecryption":false}`},
		{"parameter by version, decrypted", paramcache.Ref{Source: "ssm", Name: "/app/db", Version: "3", Decrypt: true}, ssmAnswer,
			awsapi.Operation{Service: "ssm", Name: "GetParameter"}, `{"Name":"/app/db:3","WithDecryption":true}`},
		{"parameter by label", paramcache.Ref{Source: "ssm", Name: "db", Label: "Prod"}, ssmAnswer,
			awsapi.Operation{Service: "ssm", Name: "GetParameter"}, `{"Name":"db:Prod","WithDecryption":false}`},
		{"region of the ARN", paramcache.Ref{Source: "ssm", Name: "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a:b"}, ssmAnswer,
			awsapi.Operation{Service: "ssm", Name: "GetParameter", Region: "cn-north-1"}, `{"Name":"arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a:b","WithDecryption":false}`},
		{"own region wins over the ARN", paramcache.Ref{Source: "secrets", Name: "arn:aws:secretsmanager:us-east-1:1:secret:x", Region: "us-west-2"}, smAnswer,
			awsapi.Operation{Service: "secretsmanager", Name: "GetSecretValue", Region: "us-west-2"}, `{"SecretId":"arn:aws:secretsmanager:us-east-1:1:secret:x"}`},
		{"broken ARN", paramcache.Ref{Source: "secrets", Name: "arn:aws:x"}, smAnswer,
			awsapi.Operation{Service: "secretsmanager", Name: "GetSecretValue"}, `{"SecretId":"arn:aws:x"}`},
		{"secret by version and stage", paramcache.Ref{Source: "secrets", Name: "db", Version: "v-1", Label: "AWSPREVIOUS"}, smAnswer,
			awsapi.Operation{Service: "secretsmanager", Name: "GetSecretValue"}, `{"SecretId":"db","VersionId":"v-1","VersionStage":"AWSPREVIOUS"}`},
		{"item", paramcache.Ref{Source: "dynamodb", Name: "conf", Key: "k"}, `{"Item":{"value":{"S":"x"}}}`,
			awsapi.Operation{Service: "dynamodb", Name: "GetItem"}, `{"TableName":"conf","Key":{"id":{"S":"k"}},"ProjectionExpression":"#v","ExpressionAttributeNames":{"#v":"value"}}`},
		{"item with everything named", paramcache.Ref{Source: "dynamodb", Name: "arn:aws:dynamodb:eu-west-1:1:table/conf", Key: "k", Sort: "s", KeyAttr: "pk", SortAttr: "range", ValueAttr: "a.b", Consistent: true}, `{"Item":{"a.b":{"S":"x"}}}`,
			awsapi.Operation{Service: "dynamodb", Name: "GetItem", Region: "eu-west-1"},
			`{"TableName":"arn:aws:dynamodb:eu-west-1:1:table/conf","Key":{"pk":{"S":"k"},"range":{"S":"s"}},"ConsistentRead":true,"ProjectionExpression":"#v","ExpressionAttributeNames":{"#v":"a.b"}}`},
		{"whole item", paramcache.Ref{Source: "dynamodb", Name: "conf", Key: "k", Sort: "s", Item: true}, `{"Item":{"id":{"S":"k"}}}`,
			awsapi.Operation{Service: "dynamodb", Name: "GetItem"}, `{"TableName":"conf","Key":{"id":{"S":"k"},"sk":{"S":"s"}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &caller{answer: tc.answer}
			if _, err := awsparams.New(c, awsparams.Options{}).Fetch(t.Context(), tc.ref); err != nil {
				t.Fatal(err)
			}
			if c.op != tc.op || c.in != tc.in {
				t.Errorf("called %+v\n%s, want %+v\n%s", c.op, c.in, tc.op, tc.in)
			}
		})
	}
}

func TestTableLayoutOptions(t *testing.T) {
	c := &caller{answer: `{"Item":{"v":{"S":"x"}}}`}
	p := awsparams.New(c, awsparams.Options{KeyAttr: "pk", SortAttr: "rk", ValueAttr: "v"})
	if _, err := p.Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", Sort: "s"}); err != nil {
		t.Fatal(err)
	}
	if want := `{"TableName":"t","Key":{"pk":{"S":"k"},"rk":{"S":"s"}},"ProjectionExpression":"#v","ExpressionAttributeNames":{"#v":"v"}}`; c.in != want {
		t.Errorf("request %s, want %s", c.in, want)
	}
}

func TestValues(t *testing.T) {
	text, selector := "text", ":7"
	source := paramcache.Secret(`{"name":"x"}`)
	item := paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}
	sorted := item
	sorted.Sort = "s"
	for _, tc := range []struct {
		name   string
		ref    paramcache.Ref
		answer string
		want   paramcache.Value
	}{
		{"parameter", paramcache.Ref{Source: "ssm", Name: "/app/db"}, ssmAnswer, paramcache.Value{
			Name: "/app/db", ARN: "arn:aws:ssm:eu-central-1:123456789012:parameter/app/db", Text: "p<w>", IsText: true, Version: "7",
			Modified: time.UnixMilli(1668586960362).UTC(), Type: "SecureString", DataType: &text}},
		{"parameter with selector", paramcache.Ref{Source: "ssm", Name: "a", Version: "7"},
			`{"Parameter":{"Name":"a","Selector":":7","Type":"String","Value":"","Version":7}}`,
			paramcache.Value{Name: "a", IsText: true, Version: "7", Type: "String", Selector: &selector}},
		{"binary secret behind a parameter", paramcache.Ref{Source: "ssm", Name: "/aws/reference/secretsmanager/x"},
			`{"Parameter":{"Name":"x","SourceResult":"{\"name\":\"x\"}","Type":"SecureString","Version":0}}`,
			paramcache.Value{Name: "x", Type: "SecureString", SourceResult: &source}},
		{"secret", paramcache.Ref{Source: "secrets", Name: "db"}, smAnswer, paramcache.Value{
			Name: "db", ARN: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf", Text: `{"user":"u"}`, IsText: true,
			Version: "v-1", Stages: []string{"AWSCURRENT"}, Modified: time.UnixMilli(1703775451359).UTC()}},
		{"binary secret", paramcache.Ref{Source: "secrets", Name: "b"}, `{"Name":"b","SecretBinary":"AP8=","VersionId":"v"}`,
			paramcache.Value{Name: "b", Binary: []byte{0, 255}, Version: "v"}},
		{"empty secret", paramcache.Ref{Source: "secrets", Name: "e"}, `{"Name":"e","SecretString":"","VersionId":"v"}`,
			paramcache.Value{Name: "e", IsText: true, Version: "v"}},
		{"date that is none", paramcache.Ref{Source: "secrets", Name: "e"}, `{"Name":"e","CreatedDate":"soon","SecretString":"s"}`,
			paramcache.Value{Name: "e", Text: "s", IsText: true}},
		{"S", item, `{"Item":{"value":{"S":"a\"b"}}}`, paramcache.Value{Name: "t/k", Text: `a"b`, IsText: true}},
		{"S, empty", sorted, `{"Item":{"value":{"S":""}}}`, paramcache.Value{Name: "t/k/s", IsText: true}},
		{"N keeps its digits", item, `{"Item":{"value":{"N":"12345678901234567890123456789012345678"}}}`,
			paramcache.Value{Name: "t/k", Text: "12345678901234567890123456789012345678", IsText: true, JSON: true}},
		{"N with exponent", item, `{"Item":{"value":{"N":"1E+125"}}}`, paramcache.Value{Name: "t/k", Text: "1E+125", IsText: true, JSON: true}},
		{"N that is none", item, `{"Item":{"value":{"N":"0x1"}}}`, paramcache.Value{Name: "t/k", Text: `"0x1"`, IsText: true, JSON: true}},
		{"BOOL", item, `{"Item":{"value":{"BOOL":true}}}`, paramcache.Value{Name: "t/k", Text: "true", IsText: true, JSON: true}},
		{"BOOL false", item, `{"Item":{"value":{"BOOL":false}}}`, paramcache.Value{Name: "t/k", Text: "false", IsText: true, JSON: true}},
		{"NULL", item, `{"Item":{"value":{"NULL":true}}}`, paramcache.Value{Name: "t/k", Text: "null", IsText: true, JSON: true}},
		{"B", item, `{"Item":{"value":{"B":"AP8="}}}`, paramcache.Value{Name: "t/k", Binary: []byte{0, 255}}},
		{"M", item, `{"Item":{"value":{"M":{"z":{"N":"1.50"},"a":{"L":[{"B":"AP8="},{"M":{}},{"S":"<&>"}]}}}}}`,
			paramcache.Value{Name: "t/k", Text: `{"a":["AP8=",{},"<&>"],"z":1.50}`, IsText: true, JSON: true}},
		{"empty L", item, `{"Item":{"value":{"L":[]}}}`, paramcache.Value{Name: "t/k", Text: "[]", IsText: true, JSON: true}},
		{"SS", item, `{"Item":{"value":{"SS":["b","a"]}}}`, paramcache.Value{Name: "t/k", Text: `["b","a"]`, IsText: true, JSON: true}},
		{"NS", item, `{"Item":{"value":{"NS":["1","2.0"]}}}`, paramcache.Value{Name: "t/k", Text: `[1,2.0]`, IsText: true, JSON: true}},
		{"BS", item, `{"Item":{"value":{"BS":["AA==","/w=="]}}}`, paramcache.Value{Name: "t/k", Text: `["AA==","/w=="]`, IsText: true, JSON: true}},
		{"a type of tomorrow", item, `{"Item":{"value":{"VECTOR":[1]}}}`, paramcache.Value{Name: "t/k", Text: `null`, IsText: true, JSON: true}},
		{"whole item", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", Item: true}, `{"Item":{"value":{"S":"x"},"id":{"S":"k"},"n":{"N":"1"}}}`,
			paramcache.Value{Name: "t/k", Text: `{"id":"k","n":1,"value":"x"}`, IsText: true, JSON: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := awsparams.New(&caller{answer: tc.answer}, awsparams.Options{}).Fetch(t.Context(), tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(func(a, b paramcache.Secret) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	for _, tc := range []struct {
		name string
		ref  paramcache.Ref
		want string
	}{
		{"no name", paramcache.Ref{Source: "ssm"}, "read ssm:: no name"},
		{"version and label", paramcache.Ref{Source: "ssm", Name: "a", Version: "1", Label: "l"}, "read ssm:a?version=1&label=l: version and label exclude each other; ask for one of them"},
		{"no key", paramcache.Ref{Source: "dynamodb", Name: "t"}, "read dynamodb:t: no key; name the item's key"},
		{"two parts of three", paramcache.Ref{Source: "appconfig", Name: "a/e"}, "read appconfig:a/e: not application/environment/profile; name all three"},
		{"an empty part", paramcache.Ref{Source: "appconfig", Name: "a//p"}, "read appconfig:a//p: not application/environment/profile; name all three"},
		{"path of secrets", paramcache.Ref{Source: "secrets", Name: "a", Path: true}, "read secrets-path:a: the source has no such group; only ssm has paths, only dynamodb sort keys"},
		{"sort keys of a parameter", paramcache.Ref{Source: "ssm", Name: "a", AllSorts: true}, "read ssm:a: the source has no such group; only ssm has paths, only dynamodb sort keys"},
		{"version of a path", paramcache.Ref{Source: "ssm", Name: "/app", Path: true, Version: "1"}, "read ssm-path:/app: a path has no version; leave it out"},
		{"all sort keys of no key", paramcache.Ref{Source: "dynamodb", Name: "t", AllSorts: true}, "read dynamodb:t/*: no key, or one sort key where all are asked for; name the items' key"},
		{"unknown source", paramcache.Ref{Source: "vault", Name: "x"}, "read vault:x: unknown source; use ssm, secrets, dynamodb or appconfig"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &caller{}
			_, err := awsparams.New(c, awsparams.Options{}).Fetch(t.Context(), tc.ref)
			var got *paramcache.Error
			if !errors.As(err, &got) || got.Kind != paramcache.KindBadRequest || got.Error() != tc.want || c.calls != 0 {
				t.Errorf("%v after %d calls", err, c.calls)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	ssm := paramcache.Ref{Source: "ssm", Name: "/a"}
	secret := paramcache.Ref{Source: "secrets", Name: "db"}
	item := paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}
	service := func(code, message string, status int) error {
		return &awsapi.ServiceError{Service: "s", Operation: "o", Code: code, Message: message, Status: status}
	}
	transport := func(timeout bool, hint string, err error) error {
		return &awsapi.TransportError{Service: "s", Operation: "o", Timeout: timeout, Hint: hint, Err: err}
	}
	for _, tc := range []struct {
		name string
		ref  paramcache.Ref
		err  error
		kind paramcache.Kind
		want string
	}{
		{"no parameter", ssm, service("ParameterNotFound", "", 400), paramcache.KindNotFound,
			"read ssm:/a: ParameterNotFound: not found; check the name and the region"},
		{"no version", ssm, service("ParameterVersionNotFound", "Systems Manager could not find version 9 of /a.", 400), paramcache.KindNotFound,
			"read ssm:/a: ParameterVersionNotFound: Systems Manager could not find version 9 of /a.; check the name and the region"},
		{"no secret, region of the ARN", paramcache.Ref{Source: "secrets", Name: "arn:aws:secretsmanager:eu-west-1:1:secret:x"}, service("ResourceNotFoundException", "m", 400), paramcache.KindNotFound,
			"read secrets:arn:aws:secretsmanager:eu-west-1:1:secret:x: ResourceNotFoundException: m; check the name and the region eu-west-1"},
		{"no table", item, service("ResourceNotFoundException", "Requested resource not found", 400), paramcache.KindNotFound,
			"read dynamodb:t/k: ResourceNotFoundException: Requested resource not found; check the name and the region"},
		{"denied, said which", ssm, service("AccessDeniedException", "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: ssm:GetParameter on resource: x because", 400), paramcache.KindAccessDenied,
			"read ssm:/a: AccessDeniedException: User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: ssm:GetParameter on resource: x because; allow ssm:GetParameter in the function's role"},
		{"denied, said kms", ssm, service("AccessDeniedException", "User: u is not authorized to perform: kms:Decrypt on resource: k", 400), paramcache.KindAccessDenied,
			"read ssm:/a: AccessDeniedException: User: u is not authorized to perform: kms:Decrypt on resource: k; allow kms:Decrypt in the function's role"},
		{"denied without a word", secret, service("AccessDeniedException", "", 400), paramcache.KindAccessDenied,
			"read secrets:db: AccessDeniedException: access denied; allow secretsmanager:GetSecretValue in the function's role"},
		{"denied for an item", item, service("AccessDenied", "", 403), paramcache.KindAccessDenied,
			"read dynamodb:t/k: AccessDenied: access denied; allow dynamodb:GetItem in the function's role"},
		{"denied by KMS in other words", secret, service("AccessDeniedException", "Access to KMS is not allowed", 400), paramcache.KindAccessDenied,
			"read secrets:db: AccessDeniedException: Access to KMS is not allowed; allow kms:Decrypt in the function's role"},
		{"decryption failure", secret, service("DecryptionFailure", "", 400), paramcache.KindAccessDenied,
			"read secrets:db: DecryptionFailure: access denied; allow kms:Decrypt in the function's role"},
		{"ended credentials", ssm, service("ExpiredTokenException", "m", 400), paramcache.KindCredentials,
			"read ssm:/a: ExpiredTokenException: m; the credentials were refused: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the role allows ssm:GetParameter"},
		{"unknown credentials", item, service("UnrecognizedClientException", "m", 400), paramcache.KindCredentials,
			"read dynamodb:t/k: UnrecognizedClientException: m; the credentials were refused: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the role allows dynamodb:GetItem"},
		{"signature", ssm, service("InvalidSignatureException", "m", 400), paramcache.KindCredentials,
			"read ssm:/a: InvalidSignatureException: m; the signature was refused: check the clock and the credentials in AWS_SECRET_ACCESS_KEY; the role needs ssm:GetParameter"},
		{"denied to a role", paramcache.Ref{Source: "ssm", Name: "/a", RoleARN: "arn:aws:iam::1:role/r"}, service("AccessDeniedException", "", 400), paramcache.KindAccessDenied,
			"read ssm:/a?role_arn=arn:aws:iam::1:role/r: AccessDeniedException: access denied; allow ssm:GetParameter in the role arn:aws:iam::1:role/r"},
		{"the role itself", paramcache.Ref{Source: "ssm", Name: "/a", RoleARN: "arn:aws:iam::1:role/r"},
			&awsapi.ServiceError{Service: "sts", Operation: "AssumeRole", Code: "AccessDenied", Message: "User: u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r", Status: 403}, paramcache.KindAccessDenied,
			"read ssm:/a?role_arn=arn:aws:iam::1:role/r: AccessDenied: User: u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r; allow sts:AssumeRole in the function's role, and trust that role in the policy of arn:aws:iam::1:role/r"},
		{"STS does not answer", ssm, &awsapi.TransportError{Service: "sts", Operation: "AssumeRole", Timeout: true, Err: context.DeadlineExceeded}, paramcache.KindTimeout,
			"read ssm:/a: no answer from sts in time; in a VPC add an endpoint for sts or a route through a NAT gateway, or raise POWERTOOLS_PARAMETERS_TIMEOUT"},
		{"throttled", ssm, service("ThrottlingException", "Rate exceeded", 400), paramcache.KindThrottled,
			"read ssm:/a: ThrottlingException: Rate exceeded; cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or ask AWS for a higher quota of ssm:GetParameter"},
		{"throttled table", item, service("ProvisionedThroughputExceededException", "", 400), paramcache.KindThrottled,
			"read dynamodb:t/k: ProvisionedThroughputExceededException: too many calls; cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or ask AWS for a higher quota of dynamodb:GetItem"},
		{"too many updates", ssm, service("TooManyUpdates", "m", 400), paramcache.KindThrottled,
			"read ssm:/a: TooManyUpdates: m; cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or ask AWS for a higher quota of ssm:GetParameter"},
		{"429 without a code", ssm, service("", "", 429), paramcache.KindThrottled,
			"read ssm:/a: too many calls; cache for longer (POWERTOOLS_PARAMETERS_MAX_AGE), or ask AWS for a higher quota of ssm:GetParameter"},
		{"invalid", ssm, service("ValidationException", "m", 400), paramcache.KindBadRequest, "read ssm:/a: ValidationException: m"},
		{"key", ssm, service("InvalidKeyId", "m", 400), paramcache.KindBadRequest, "read ssm:/a: InvalidKeyId: m; check the KMS key that encrypts the value"},
		{"deleted secret", secret, service("InvalidRequestException", "marked for deletion", 400), paramcache.KindBadRequest, "read secrets:db: InvalidRequestException: marked for deletion"},
		{"a proxy's 403", ssm, service("", "", 403), paramcache.KindAccessDenied, "read ssm:/a: access denied; allow ssm:GetParameter in the function's role"},
		{"a proxy's 407", ssm, service("", "", 407), paramcache.KindUnreachable, "read ssm:/a: a proxy refused; check HTTPS_PROXY and NO_PROXY"},
		{"404 from something else", ssm, service("", "", 404), paramcache.KindNotFound, "read ssm:/a: not found; check the name and the region"},
		{"upstream", ssm, service("InternalServerError", "", 500), paramcache.KindUpstream, "read ssm:/a: InternalServerError: the service failed"},
		{"upstream in a 400", secret, service("InternalServiceError", "", 400), paramcache.KindUpstream, "read secrets:db: InternalServiceError: the service failed"},
		{"gateway", ssm, service("", "", 502), paramcache.KindUpstream, "read ssm:/a: the service failed"},
		{"request timed out at AWS", ssm, service("RequestTimeout", "", 400), paramcache.KindTimeout,
			"read ssm:/a: RequestTimeout: the service ran out of time; in a VPC add an endpoint for ssm or a route through a NAT gateway, or raise POWERTOOLS_PARAMETERS_TIMEOUT"},
		{"time out", secret, transport(true, "", context.DeadlineExceeded), paramcache.KindTimeout,
			"read secrets:db: no answer from secretsmanager in time; in a VPC add an endpoint for secretsmanager or a route through a NAT gateway, or raise POWERTOOLS_PARAMETERS_TIMEOUT"},
		{"given up", ssm, transport(false, "", context.Canceled), paramcache.KindTimeout, "read ssm:/a: the read was given up before AWS answered"},
		{"reset", ssm, transport(false, "", errors.New("connection reset by peer")), paramcache.KindUnreachable,
			"read ssm:/a: connection reset by peer; in a VPC add an endpoint for ssm or a route through a NAT gateway"},
		{"reset, with a hint", ssm, transport(false, "check AWS_ENDPOINT_URL", io.EOF), paramcache.KindUnreachable, "read ssm:/a: EOF; check AWS_ENDPOINT_URL"},
		{"no credentials", ssm, &awsapi.CredentialsError{Missing: true, Reason: "set A"}, paramcache.KindCredentials, "read ssm:/a: no AWS credentials; set A"},
		{"credentials endpoint down", ssm, &awsapi.CredentialsError{Reason: "container endpoint", Err: io.EOF}, paramcache.KindUnreachable, "read ssm:/a: aws credentials: container endpoint: EOF"},
		{"bad region", ssm, &awsapi.RequestError{Service: "ssm", Operation: "o", Reason: "not a region name", Cure: "c"}, paramcache.KindBadRequest, "read ssm:/a: not a region name; c"},
		{"a fault of ours", ssm, errors.New("SECRET"), paramcache.KindInternal, "read ssm:/a: unexpected error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := awsparams.New(&caller{err: tc.err}, awsparams.Options{}).Fetch(t.Context(), tc.ref)
			var got *paramcache.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %T", err)
			}
			if got.Kind != tc.kind || got.Error() != tc.want || got.Ref != tc.ref || !errors.Is(err, tc.err) {
				t.Errorf("kind %d, want %d\n%s, want\n%s", got.Kind, tc.kind, got, tc.want)
			}
		})
	}
}

func TestNotThere(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ref    paramcache.Ref
		answer string
		want   string
	}{
		{"no item", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}, `{}`, "read dynamodb:t/k: the table has no such item; check the key, the table and the region"},
		{"no attribute", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}, `{"Item":{}}`, "read dynamodb:t/k: the item has no attribute value; name another attribute, or ask for the whole item"},
		{"secret without a value", paramcache.Ref{Source: "secrets", Name: "s"}, `{"Name":"s"}`, "read secrets:s: the secret's version holds no value"},
		{"no parameter in the answer", paramcache.Ref{Source: "ssm", Name: "s"}, `{}`, "read ssm:s: the answer holds no parameter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := awsparams.New(&caller{answer: tc.answer}, awsparams.Options{}).Fetch(t.Context(), tc.ref)
			var got *paramcache.Error
			if !errors.As(err, &got) || got.Kind != paramcache.KindNotFound || got.Error() != tc.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Every attribute that can arrive becomes valid JSON or plain text.
func FuzzAttribute(f *testing.F) {
	for _, s := range []string{`{"S":"a"}`, `{"N":"-0"}`, `{"N":"01"}`, `{"L":[{"M":{"a":{"NS":["1"]}}}]}`, `{"B":"AA=="}`, `{"S":"\ud800"}`, `null`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, attr string) {
		if !json.Valid([]byte(attr)) {
			return
		}
		c := &lenient{answer: `{"Item":{"value":` + attr + `}}`}
		v, err := awsparams.New(c, awsparams.Options{}).Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"})
		if err != nil {
			return
		}
		if v.JSON && !json.Valid([]byte(v.Text.Reveal())) {
			t.Fatalf("%s became %s", attr, v.Text.Reveal())
		}
		if v.IsText == (v.Binary != nil) {
			t.Fatalf("%s is text %t with binary %t", attr, v.IsText, v.Binary != nil)
		}
	})
}

// lenient answers with a TransportError where the JSON does not fit, as the
// client does.
type lenient struct{ answer string }

func (l *lenient) Call(_ context.Context, op awsapi.Operation, _, out any) error {
	if err := json.Unmarshal([]byte(l.answer), out); err != nil {
		return &awsapi.TransportError{Service: op.Service, Operation: op.Name, Err: errors.New("answer")}
	}
	return nil
}
