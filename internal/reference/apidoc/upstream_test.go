package apidoc_test

import (
	"context"
	"strings"
	"time"

	"powertools-extension/internal/paramcache"
)

// upstream is the AWS of the examples: a few values, and what they are when
// asked for in another way.
type upstream struct{ written map[string]string }

const home = "eu-west-1:123456789012:"

func at(day int) time.Time { return time.Date(2026, 1, day, 12, 0, 0, 250_000_000, time.UTC) }

// Fetch implements paramcache.Provider.
func (u *upstream) Fetch(_ context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	switch ref.Source {
	case paramcache.SSM:
		return u.parameter(ref)
	case paramcache.Secrets:
		return u.secret(ref)
	case paramcache.DynamoDB:
		return u.item(ref)
	}
	return u.configuration(ref)
}

// Store implements paramcache.Setter.
func (u *upstream) Store(_ context.Context, ref paramcache.Ref, s paramcache.Setting) (string, error) {
	if ref.Source == paramcache.Secrets {
		return "v3", nil
	}
	if !s.Overwrite {
		return "", &paramcache.Error{Kind: paramcache.KindBadRequest, Code: "ParameterAlreadyExists", Message: "the parameter exists", Cure: "add overwrite=true"}
	}
	u.written[ref.Name] = s.Value.Reveal()
	return "4", nil
}

func notFound(code, message string) error {
	return &paramcache.Error{Kind: paramcache.KindNotFound, Code: code, Message: message}
}

func (u *upstream) parameter(ref paramcache.Ref) (paramcache.Value, error) {
	values := []struct{ name, value, kind string }{
		{"timeout", "250", "String"},
		{"/app/db", "postgres://db", "String"},
		{"/app/hosts", "a,b", "StringList"},
		{"/app/key", "AQICAHhV", "SecureString"},
		{"/app/config.json", `{"db":{"hosts":["h1","h2"]},"tags":["blue"]}`, "String"},
		{"/app/greeting.binary", "aGVsbG8=", "String"},
		{"/app/api/url", "https://api", "String"},
		{"/config/flags", `{"features":{"beta":{"default":false}}}`, "String"},
	}
	group := paramcache.Value{Members: []paramcache.Value{}}
	for _, p := range values {
		under, isUnder := strings.CutPrefix(p.name, ref.Name+"/")
		full := "arn:aws:ssm:" + home + "parameter" + p.name
		if ref.Path && (!isUnder || !ref.Recursive && strings.Contains(under, "/")) || !ref.Path && ref.Name != p.name && ref.Name != full {
			continue
		}
		text := "text"
		v := paramcache.Value{Name: p.name, ARN: full, Text: paramcache.Secret(p.value), IsText: true, Version: "3", Type: p.kind, DataType: &text, Modified: at(3)}
		switch {
		case u.written[p.name] != "":
			v.Text, v.Version = paramcache.Secret(u.written[p.name]), "4"
		case ref.Version != "" || ref.Label != "":
			selector := ":" + ref.Version + ref.Label
			v.Text, v.Version, v.Modified, v.Selector = "postgres://old", "2", at(2), &selector
		case ref.RoleARN != "":
			v.Text = "postgres://of-the-other-account"
		case ref.Region != "" && ref.Region != "eu-west-1":
			v.Text = "postgres://of-the-other-region"
		case ref.Decrypt && p.kind == "SecureString":
			v.Text = "s3cr3t"
		}
		if !ref.Path {
			return v, nil
		}
		group.Members = append(group.Members, v)
	}
	if ref.Path {
		return group, nil
	}
	return group, notFound("ParameterNotFound", "the parameter does not exist")
}

func (u *upstream) secret(ref paramcache.Ref) (paramcache.Value, error) {
	v := paramcache.Value{ARN: "arn:aws:secretsmanager:" + home + "secret:" + ref.Name + "-AbCdEf", Name: ref.Name, Version: "v2", Stages: []string{"AWSCURRENT"}, Modified: at(3)}
	switch {
	case ref.Name == "denied":
		return v, &paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: "the role may not read it", Cure: "allow secretsmanager:GetSecretValue on " + ref.Name}
	case ref.Name == "keystore":
		v.Binary = []byte{0xca, 0xfe}
	case strings.HasSuffix(ref.Name, "app/db-AbCdEf"), ref.Name == "app/db":
		v.Name, v.ARN, v.IsText = "app/db", "arn:aws:secretsmanager:"+home+"secret:app/db-AbCdEf", true
		v.Text = `{"user":"app","password":"p>w"}`
		if ref.RoleARN != "" {
			v.ARN, v.Text = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:app/db-GhIjKl", `{"user":"other"}`
		}
		if ref.Version == "v1" || ref.Label == "AWSPREVIOUS" {
			v.Version, v.Stages, v.Modified, v.Text = "v1", []string{"AWSPREVIOUS"}, at(2), `{"user":"app","password":"old"}`
		}
	default:
		return v, notFound("ResourceNotFoundException", "the secret does not exist")
	}
	return v, nil
}

func (u *upstream) item(ref paramcache.Ref) (paramcache.Value, error) {
	table := ref.Name[strings.LastIndexByte(ref.Name, '/')+1:]
	text := func(name, value string) paramcache.Value {
		return paramcache.Value{Name: name, Text: paramcache.Secret(value), IsText: true}
	}
	typed := func(name, value string) paramcache.Value {
		v := text(name, value)
		v.JSON = true
		return v
	}
	switch {
	case ref.AllSorts && ref.Key == "acme":
		return paramcache.Value{Members: []paramcache.Value{typed("limit", "12.50"), text("name", "Acme")}}, nil
	case ref.AllSorts:
		return paramcache.Value{Members: []paramcache.Value{}}, nil
	case ref.Item:
		return typed("limit", `{"id":"limit","unit":"orders","value":12.50}`), nil
	case ref.ValueAttr == "unit":
		return text("limit", "orders"), nil
	}
	switch table + "/" + ref.Key + "/" + ref.Sort {
	case "flags/name/":
		return text("name", "orders"), nil
	case "flags/limit/":
		return typed("limit", "12.50"), nil
	case "flags/rules/":
		return typed("rules", `{"hosts":["a","b"],"on":true}`), nil
	case "flags/cert/":
		return paramcache.Value{Name: "cert", Binary: []byte{0xca, 0xfe}}, nil
	case "tenants/acme/limit":
		return typed("limit", "12.50"), nil
	}
	return paramcache.Value{}, notFound("ItemNotFound", "the table has no such item")
}

func (u *upstream) configuration(ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Name == "shop/prod/features" {
		const document = `{"beta":{"default":false,"rules":{"gold customers":{"when_match":true,"conditions":[{"action":"EQUALS","key":"tier","value":"gold"}]}}},"limit":{"default":10,"boolean_type":false}}`
		return paramcache.Value{Name: ref.Name, Text: document, IsText: true, ContentType: "application/json"}, nil
	}
	v := paramcache.Value{Name: ref.Name, IsText: true, Version: "12"}
	switch ref.Name {
	case "shop/prod/flags":
		v.Text, v.ContentType = `{"checkout":{"enabled":true,"limit":10},"search":{"enabled":false}}`, "application/json"
	case "shop/prod/banner":
		v.Text, v.ContentType = `<b>Sale</b>`, "text/html"
	default:
		return v, notFound("ResourceNotFoundException", "there is no such configuration")
	}
	return v, nil
}
