package awsparams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

func parameters(names ...string) (refs []paramcache.Ref) {
	for _, name := range names {
		refs = append(refs, paramcache.Ref{Source: "ssm", Name: name})
	}
	return refs
}

// outcome is the text or the error of each ref, in order.
func outcome(values []paramcache.Value, errs []error) (got []string) {
	for i := range values {
		switch failed, ok := errors.AsType[*paramcache.Error](errs[i]); {
		case ok:
			got = append(got, failed.Kind.String()+" "+failed.Code)
		case errs[i] != nil:
			got = append(got, errs[i].Error())
		case values[i].IsText:
			got = append(got, values[i].Text.Reveal())
		default:
			got = append(got, "binary "+string(values[i].Binary))
		}
	}
	return got
}

// Powertools for Python once answered more than ten names with the last chunk
// only.
func TestPeerBugMoreThanTenNames(t *testing.T) {
	s := parameterStore()
	var names, want []string
	for i := range 25 {
		names = append(names, fmt.Sprintf("/app/%d", i))
		want = append(want, fmt.Sprintf("value of /app/%d", i))
	}
	got := outcome(awsparams.New(s, awsparams.Options{}).FetchMany(t.Context(), parameters(names...)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"GetParameters": 3}, s.counted()); diff != "" {
		t.Error(diff)
	}
}

func TestFetchManyParameters(t *testing.T) {
	denied := refused("AccessDeniedException", "User: u is not authorized to perform: ssm:GetParameters on resource: x because no identity-based policy allows it")
	with := func(batch, single error, forbidden string) *script {
		s := parameterStore()
		if batch != nil {
			s.answers["GetParameters"] = always("", batch)
		}
		one := s.answers["GetParameter"]
		s.answers["GetParameter"] = func(in string) (string, error) {
			if single != nil && strings.Contains(in, forbidden) {
				return "", single
			}
			return one(in)
		}
		return s
	}
	const arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/app/a"
	for _, tc := range []struct {
		name  string
		s     *script
		refs  []paramcache.Ref
		want  []string
		calls map[string]int
	}{
		{"one goes alone", with(nil, nil, ""), parameters("/a"), []string{"value of /a"}, map[string]int{"GetParameter": 1}},
		{"a missing one among others", with(nil, nil, ""), parameters("/a", "/none/b", "/c"),
			[]string{"value of /a", "not found ParameterNotFound", "value of /c"}, map[string]int{"GetParameters": 1}},
		{"selectors and an ARN", with(nil, nil, ""), []paramcache.Ref{{Source: "ssm", Name: "/a", Version: "3"}, {Source: "ssm", Name: "/b", Label: "Prod"}, {Source: "ssm", Name: arn}},
			[]string{"value of /a:3", "value of /b:Prod", "value of " + arn}, map[string]int{"GetParameters": 1}},
		{"one thing several times is not in one call", with(nil, nil, ""), []paramcache.Ref{{Source: "ssm", Name: "/app/a"}, {Source: "ssm", Name: "/app/a", Version: "3"}, {Source: "ssm", Name: "/app/b:1"}, {Source: "ssm", Name: arn}},
			[]string{"value of /app/a", "value of /app/a:3", "value of /app/b:1", "value of " + arn}, map[string]int{"GetParameters": 1, "GetParameter": 2}},
		{"version and label", with(nil, nil, ""), []paramcache.Ref{{Source: "ssm", Name: "/a"}, {Source: "ssm", Name: "/b", Version: "1", Label: "l"}, {Source: "ssm", Name: "/c"}},
			[]string{"value of /a", "bad request ", "value of /c"}, map[string]int{"GetParameters": 1}},
		{"the role may not batch", with(denied, nil, ""), parameters("/a", "/b"), []string{"value of /a", "value of /b"}, map[string]int{"GetParameters": 1, "GetParameter": 2}},
		{"one is forbidden", with(denied, denied, "/b"), parameters("/a", "/b"), []string{"value of /a", "access denied AccessDeniedException"}, map[string]int{"GetParameters": 1, "GetParameter": 2}},
		{"one name is impossible", with(refused("ValidationException", ""), refused("ValidationException", ""), "/b b"), parameters("/a", "/b b"),
			[]string{"value of /a", "bad request ValidationException"}, map[string]int{"GetParameters": 1, "GetParameter": 2}},
		{"throttled: not made worse", with(refused("ThrottlingException", "Rate exceeded"), nil, ""), parameters("/a", "/b"),
			[]string{"throttled ThrottlingException", "throttled ThrottlingException"}, map[string]int{"GetParameters": 1}},
		{"service down", with(&awsapi.ServiceError{Code: "InternalServerError", Status: 500}, nil, ""), parameters("/a", "/b"),
			[]string{"upstream InternalServerError", "upstream InternalServerError"}, map[string]int{"GetParameters": 1}},
		{"no answer", with(&awsapi.TransportError{Timeout: true, Err: context.DeadlineExceeded}, nil, ""), parameters("/a", "/b"),
			[]string{"timeout ", "timeout "}, map[string]int{"GetParameters": 1}},
		{"the credentials are refused", with(refused("UnrecognizedClientException", ""), nil, ""), parameters("/a", "/b"),
			[]string{"credentials UnrecognizedClientException", "credentials UnrecognizedClientException"}, map[string]int{"GetParameters": 1}},
		{"the role cannot be assumed", with(&awsapi.ServiceError{Service: "sts", Operation: "AssumeRole", Code: "AccessDenied", Status: 403}, nil, ""), parameters("/a", "/b"),
			[]string{"access denied AccessDenied", "access denied AccessDenied"}, map[string]int{"GetParameters": 1}},
		{"too large together", with(&awsapi.TransportError{Err: awsapi.ErrTooLarge}, nil, ""), parameters("/a", "/b"), []string{"value of /a", "value of /b"}, map[string]int{"GetParameters": 1, "GetParameter": 2}},
		{"an answer that says nothing of one", func() *script {
			s := parameterStore()
			s.answers["GetParameters"] = always(`{"Parameters":[`+parameterJSON("/a")+`]}`, nil)
			return s
		}(), parameters("/a", " /b "), []string{"value of /a", "value of  /b "}, map[string]int{"GetParameters": 1, "GetParameter": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := outcome(awsparams.New(tc.s, awsparams.Options{Region: "eu-central-1"}).FetchMany(t.Context(), tc.refs))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.calls, tc.s.counted()); diff != "" {
				t.Errorf("%s\n%s", diff, strings.Join(tc.s.calls, "\n"))
			}
		})
	}
}

// One call has one region, role and decryption: a ref that got into the wrong
// call would be answered with somebody else's value.
func TestBatchesDoNotMix(t *testing.T) {
	s := parameterStore()
	refs := parameters("/a", "/b", "/c", "/d", "arn:aws:ssm:us-east-1:123456789012:document/e", "arn:aws:ssm:us-east-1:123456789012:parameter/f")
	refs[1].Region, refs[2].Decrypt, refs[3].RoleARN = "eu-west-3", true, "arn:aws:iam::123456789012:role/r"
	refs = append(refs, parameters("/g")...)
	awsparams.New(s, awsparams.Options{}).FetchMany(t.Context(), refs)
	want := []string{
		`GetParameters {"Names":["/a","/g"],"WithDecryption":false} in  as `,
		`GetParameter {"Name":"/b","WithDecryption":false} in eu-west-3 as `,
		`GetParameter {"Name":"/c","WithDecryption":true} in  as `,
		`GetParameter {"Name":"/d","WithDecryption":false} in  as arn:aws:iam::123456789012:role/r`,
		`GetParameters {"Names":["arn:aws:ssm:us-east-1:123456789012:document/e","arn:aws:ssm:us-east-1:123456789012:parameter/f"],"WithDecryption":false} in us-east-1 as `,
		`GetParameter {"Name":"arn:aws:ssm:us-east-1:123456789012:document/e","WithDecryption":false} in us-east-1 as `, // no parameter's ARN: what it is, the service says
	}
	for i := range s.calls {
		s.calls[i] += " in " + s.ops[i].Region + " as " + s.ops[i].RoleARN
	}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Error(diff)
	}
}

// A function made for another extension may read values but not batches of
// them. That is found out once in ten minutes.
func TestWhoMayNotBatchIsNotAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := parameterStore()
		s.answers["GetParameters"] = always("", refused("AccessDeniedException", ""))
		p := awsparams.New(s, awsparams.Options{})
		refs := parameters("/a", "/b")
		read := func(calls map[string]int) {
			t.Helper()
			before := s.counted()
			if got := outcome(p.FetchMany(t.Context(), refs)); got[0] != "value of /a" || got[1] != "value of /b" {
				t.Error(got)
			}
			after := s.counted()
			for name := range after {
				if after[name] -= before[name]; after[name] == 0 {
					delete(after, name)
				}
			}
			if diff := cmp.Diff(calls, after); diff != "" {
				t.Error(diff)
			}
		}
		if n := p.BatchSize(refs[0]); n != 10 {
			t.Errorf("batches of %d", n)
		}
		read(map[string]int{"GetParameters": 1, "GetParameter": 2})
		if n := p.BatchSize(refs[0]); n != 1 {
			t.Errorf("batches of %d after the refusal", n)
		}
		if n := p.BatchSize(paramcache.Ref{Source: "ssm", Name: "/a", RoleARN: "arn:aws:iam::123456789012:role/r"}); n != 10 {
			t.Errorf("another role's batches are of %d", n)
		}
		time.Sleep(10*time.Minute - 1)
		read(map[string]int{"GetParameter": 2})
		time.Sleep(time.Nanosecond)
		read(map[string]int{"GetParameters": 1, "GetParameter": 2})
		p.Forget()
		read(map[string]int{"GetParameters": 1, "GetParameter": 2})

		// That one value is forbidden says nothing about batches.
		p.Forget()
		one := s.answers["GetParameter"]
		s.answers["GetParameter"] = func(in string) (string, error) {
			if strings.Contains(in, "/b") {
				return "", refused("AccessDeniedException", "")
			}
			return one(in)
		}
		p.FetchMany(t.Context(), refs)
		if n := p.BatchSize(refs[0]); n != 10 {
			t.Errorf("batches of %d after one value was refused", n)
		}
	})
}

func TestBatchSizes(t *testing.T) {
	p := awsparams.New(&script{}, awsparams.Options{})
	for _, tc := range []struct {
		ref  paramcache.Ref
		size int
	}{
		{paramcache.Ref{Source: "ssm", Name: "/a"}, 10},
		{paramcache.Ref{Source: "ssm", Name: "/a", Label: "l"}, 10},
		{paramcache.Ref{Source: "ssm", Name: "/a", Path: true}, 1},
		{paramcache.Ref{Source: "ssm"}, 1},
		{paramcache.Ref{Source: "secrets", Name: "a"}, 20},
		{paramcache.Ref{Source: "secrets", Name: "a", Label: "AWSCURRENT"}, 20},
		{paramcache.Ref{Source: "secrets", Name: "a", Label: "AWSPREVIOUS"}, 1},
		{paramcache.Ref{Source: "secrets", Name: "a", Version: "v"}, 1},
		{paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}, 1},
		{paramcache.Ref{Source: "appconfig", Name: "a/e/p"}, 1},
	} {
		if got := p.BatchSize(tc.ref); got != tc.size {
			t.Errorf("%+v: %d, want %d", tc.ref, got, tc.size)
		}
	}
}

const secretARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"

func TestFetchManySecrets(t *testing.T) {
	s := &script{answers: map[string]func(string) (string, error){
		"BatchGetSecretValue": always(`{"SecretValues":[
			{"ARN":"`+secretARN+`c-AbCdEf","Name":"c","SecretBinary":"AP8=","VersionId":"v3","VersionStages":["AWSCURRENT"],"CreatedDate":1.703775451359E9},
			{"ARN":"`+secretARN+`a-AbCdEf","Name":"a","SecretString":"text of a","VersionId":"v1","VersionStages":["AWSCURRENT"]},
			{"ARN":"`+secretARN+`app/d-AbCdEf","Name":"app/d","SecretString":"text of d","VersionId":"v4"}],
			"Errors":[{"ErrorCode":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret.","SecretId":"none"},
			{"ErrorCode":"AccessDeniedException","Message":"User: u is not authorized to perform: secretsmanager:GetSecretValue on resource: x\nand more","SecretId":"no"}]}`, nil),
		"GetSecretValue": func(in string) (string, error) {
			if !strings.Contains(in, `"old"`) && !strings.Contains(in, `"left"`) {
				return "", refused("ResourceNotFoundException", in)
			}
			return `{"ARN":"x","Name":"old","SecretString":"` + map[bool]string{true: "old", false: "left"}[strings.Contains(in, `"old"`)] + `"}`, nil
		},
	}}
	refs := []paramcache.Ref{
		{Source: "secrets", Name: "a"}, {Source: "secrets", Name: "none"}, {Source: "secrets", Name: "c", Label: "AWSCURRENT"},
		{Source: "secrets", Name: "old", Label: "AWSPREVIOUS"}, {Source: "secrets", Name: secretARN + "app/d"}, {Source: "secrets", Name: "no"},
		{Source: "secrets", Name: "left"},
	}
	values, errs := awsparams.New(s, awsparams.Options{Region: "eu-central-1"}).FetchMany(t.Context(), refs)
	want := []string{"text of a", "not found ResourceNotFoundException", "binary \x00\xff", "old", "text of d", "access denied AccessDeniedException", "left"}
	if diff := cmp.Diff(want, outcome(values, errs)); diff != "" {
		t.Error(diff)
	}
	if got := errs[5].Error(); got != "read secrets:no: AccessDeniedException: User: u is not authorized to perform: secretsmanager:GetSecretValue on resource: x; allow secretsmanager:GetSecretValue in the function's role" {
		t.Error(got)
	}
	wantCalls := []string{
		`BatchGetSecretValue {"SecretIdList":["a","none","c","` + secretARN + `app/d","no","left"]}`,
		`GetSecretValue {"SecretId":"left"}`,
		`GetSecretValue {"SecretId":"old","VersionStage":"AWSPREVIOUS"}`,
	}
	if diff := cmp.Diff(wantCalls, s.calls); diff != "" {
		t.Error(diff)
	}
	if values[2].Version != "v3" || !values[2].Modified.Equal(time.UnixMilli(1703775451359)) || values[2].Stages[0] != "AWSCURRENT" {
		t.Errorf("%+v", values[2])
	}
}

func TestFetchManySecretsInTwenties(t *testing.T) {
	s := &script{answers: map[string]func(string) (string, error){
		"BatchGetSecretValue": func(in string) (string, error) {
			if n := strings.Count(in, `"s`); n > 20 {
				return "", fmt.Errorf("%d in one call", n)
			}
			return `{"SecretValues":[],"Errors":[]}`, nil
		},
		"GetSecretValue": always(`{"Name":"s","SecretString":"x"}`, nil),
	}}
	var refs []paramcache.Ref
	for i := range 41 {
		refs = append(refs, paramcache.Ref{Source: "secrets", Name: fmt.Sprintf("s%d", i)})
	}
	_, errs := awsparams.New(s, awsparams.Options{}).FetchMany(t.Context(), refs)
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]int{"BatchGetSecretValue": 2, "GetSecretValue": 41}, s.counted()); diff != "" {
		t.Error(diff)
	}
}
