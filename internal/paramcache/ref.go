package paramcache

import "strings"

// Source is where a value lives.
type Source string

// The sources. The words are those of the local API's routes and of the
// POWERTOOLS_PARAMETERS_* variables.
const (
	SSM       Source = "ssm"
	Secrets   Source = "secrets"
	DynamoDB  Source = "dynamodb"
	AppConfig Source = "appconfig"
)

// Ref names one value, or a group of values that are fetched together. It is
// comparable; two refs that are equal are one cache entry, and so are two that
// name the same thing in different forms. A group and the value of the same
// name are two entries.
type Ref struct {
	Source Source

	// Name is the parameter's name or ARN, the secret's id, the table's name,
	// or for AppConfig application/environment/profile. As the caller wrote
	// it, percent-decoded.
	Name string

	Version string // SSM: version number. Secrets Manager: version id.
	Label   string // SSM: label. Secrets Manager: version stage. Exclusive with Version for SSM.
	Decrypt bool   // SSM SecureString only

	// DynamoDB only. Item asks for the whole typed item instead of ValueAttr.
	Key, Sort                    string
	KeyAttr, SortAttr, ValueAttr string
	Consistent, Item             bool

	// Groups. Path asks for the SSM parameters under the path Name, Recursive
	// for those below its children as well. AllSorts asks for every sort key
	// of a DynamoDB Key; Sort is empty then.
	Path, Recursive bool
	AllSorts        bool

	RoleARN string // the IAM role to read with; empty: the function's
	Region  string // empty: the function's region, or the one in Name's ARN
}

// Group tells whether the ref names several values: the answer has Members.
func (r Ref) Group() bool { return r.Path || r.AllSorts }

// String names the ref for logs and errors: source and name, never a value.
// Paths are ssm-path:/app, all sort keys dynamodb:TABLE/KEY/*.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(string(r.Source))
	if r.Path {
		b.WriteString("-path")
	}
	b.WriteByte(':')
	b.WriteString(r.Name)
	sort := r.Sort
	if r.AllSorts {
		sort = "*"
	}
	for _, part := range [...]string{r.Key, sort} {
		if part != "" {
			b.WriteByte('/')
			b.WriteString(part)
		}
	}
	return b.String()
}
