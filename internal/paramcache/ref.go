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

// Ref names one value. It is comparable; two refs that are equal are one
// cache entry, and so are two that name the same thing in different forms.
type Ref struct {
	Source Source

	// Name is the parameter's name or ARN, the secret's id, or the table's
	// name. As the caller wrote it, percent-decoded.
	Name string

	Version string // SSM: version number. Secrets Manager: version id.
	Label   string // SSM: label. Secrets Manager: version stage. Exclusive with Version for SSM.
	Decrypt bool   // SSM SecureString only

	// DynamoDB only. Item asks for the whole typed item instead of ValueAttr.
	Key, Sort                    string
	KeyAttr, SortAttr, ValueAttr string
	Consistent, Item             bool

	Region string // empty: the function's region, or the one in Name's ARN
}

// String names the ref for logs and errors: source and name, never a value.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(string(r.Source))
	b.WriteByte(':')
	b.WriteString(r.Name)
	for _, part := range []string{r.Key, r.Sort} {
		if part != "" {
			b.WriteByte('/')
			b.WriteString(part)
		}
	}
	return b.String()
}
