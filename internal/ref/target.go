package ref

import "strings"

// Home is where the function runs, and how its tables are laid out. What is at
// home has no address in a key, so that a name and the ARN of the same thing
// are equal.
type Home struct {
	Region string

	// Account is the function's account id, "" while that is unknown. nil: it
	// stays unknown. It is a function because the extension learns it late.
	Account func() string

	// KeyAttr, SortAttr and ValueAttr are the attributes of DynamoDB refs that
	// name none.
	KeyAttr, SortAttr, ValueAttr string
}

// form tells how far a name could be understood. It is part of the key: equal
// names of different forms are different things.
type form byte

const (
	named   form = 'n' // name is the thing's name in the region and account
	byARN   form = 'a' // name is the end of an ARN, and only the service knows the name behind it
	literal form = 'l' // name is what the caller wrote
)

// target is what a ref points at, with the many ways of writing it removed.
type target struct {
	form            form
	region, account string // empty: home
	name            string
	version, label  string
}

// target understands a ref. Where two writings might mean two things they stay
// two targets: that costs one fetch, and the answer tells (see names).
func (h Home) target(r Ref) target {
	t := target{form: named, region: r.Region, name: r.Name, version: r.Version, label: r.Label}
	switch r.Source {
	case SSM:
		if r.Path {
			t = pathTarget(t)
		} else {
			t = ssmTarget(t)
		}
	case Secrets:
		t = secretTarget(t)
	case DynamoDB:
		t = addressed(t, "dynamodb", "table/")
	}
	return h.of(r).relative(t)
}

// of is where the ref is read from: in the account of its role, if it has one.
func (h Home) of(r Ref) Home {
	if r.RoleARN == "" {
		return h
	}
	role, _ := parseARN(r.RoleARN, "iam")
	h.Account = func() string { return role.account }
	return h
}

// relative removes what is home's.
func (h Home) relative(t target) target {
	if t.region == h.Region {
		t.region = ""
	}
	if t.account != "" && h.Account != nil && t.account == h.Account() {
		t.account = ""
	}
	return t
}

// addressed replaces an ARN of the service whose resource starts with prefix
// by its parts. An ARN that contradicts the ref's region stays as written; the
// service decides.
func addressed(t target, service, prefix string) target {
	a, ok := parseARN(t.name, service)
	if !ok {
		if isARN(t.name) {
			t.form = literal
		}
		return t
	}
	name, ok := strings.CutPrefix(a.resource, prefix)
	if !ok || name == "" || (t.region != "" && a.region != "" && t.region != a.region) {
		t.form = literal
		return t
	}
	if a.region != "" {
		t.region = a.region
	}
	t.account, t.name = a.account, name
	return t
}

// ssmTarget: the ARN of /app/db ends in parameter/app/db and that of db in
// parameter/db. The latter might be the parameter /db as well, so an ARN of one
// level stays an ARN until the answer names the parameter. A selector may stand
// behind the name: db:3 is db with the version 3, and a label never starts with
// a digit. Pages "GetParameter" and "LabelParameterVersion", Systems Manager
// API Reference.
func ssmTarget(t target) target {
	written := t.name
	t = addressed(t, "ssm", "parameter/")
	if t.form == literal {
		return t
	}
	if t.version == "" && t.label == "" {
		t.name, t.version, t.label = cutSelector(t.name)
	}
	switch {
	case !isARN(written):
	case strings.Contains(t.name, "/"):
		t.name = "/" + t.name
	default:
		t.form = byARN
	}
	return t
}

// pathTarget: a path has no selector and no ARN, and means the same with a slash
// at its end. Page "GetParametersByPath", Systems Manager API Reference.
func pathTarget(t target) target {
	if rest := strings.TrimRight(t.name, "/"); rest != "" {
		t.name = rest
	} else if t.name != "" {
		t.name = "/"
	}
	return t
}

func cutSelector(name string) (rest, version, label string) {
	rest, selector, ok := strings.Cut(name, ":")
	switch {
	case !ok || rest == "" || selector == "" || strings.Contains(selector, ":"):
		return name, "", ""
	case selector[0] >= '0' && selector[0] <= '9':
		return rest, selector, ""
	}
	return rest, "", selector
}

// secretTarget: the end of a secret's ARN is its name with or without six
// random characters, which cannot be told apart, so an ARN stays an ARN until
// the answer names the secret. No stage means AWSCURRENT. Page
// "GetSecretValue", Secrets Manager API Reference.
func secretTarget(t target) target {
	isARN := isARN(t.name)
	t = addressed(t, "secretsmanager", "secret:")
	if t.form == named && isARN {
		t.form = byARN
	}
	if t.label == "AWSCURRENT" && t.version == "" {
		t.label = ""
	}
	return t
}

// Selects tells whether the ref names one version of a thing, and not the one
// that is current.
func (h Home) Selects(r Ref) bool {
	t := h.target(r)
	return t.version != "" || t.label != ""
}
