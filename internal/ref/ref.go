// Package ref says what a reference to a parameter, a secret, an item or a
// configuration is: its parts, its text form, the key of what it names however
// it is written, and which refs an allow-list lets pass. It imports nothing of
// ours, so that every room can ask it and none needs rules of its own.
//
// The rule a reader could break: two refs have one key only if they are proved
// to name the same thing. Where a writing could mean two things they stay two,
// which costs one fetch; the other mistake would answer with a value that
// nobody asked for.
package ref

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
// comparable; two refs that are equal have one key, and so have two that name
// the same thing in different forms. A group and the value of the same name
// are two things.
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
	// Empty attributes are those of the configured layout.
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

// Group tells whether the ref names several values: the answer has members.
func (r Ref) Group() bool { return r.Path || r.AllSorts }

// ReadIn is the region the ref names, by itself or in an ARN; empty: none, so
// it is the function's.
func (r Ref) ReadIn() string {
	if r.Region != "" || !isARN(r.Name) {
		return r.Region
	}
	// arn:partition:service:region:account:resource
	parts := strings.SplitN(r.Name, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}

// ParameterName gives a hierarchical name back the slash that a URL's path
// took: SSM demands one in front of a name that has levels. An ARN has it
// inside. Page "PutParameter", Systems Manager API Reference.
func ParameterName(name string) string {
	if strings.HasPrefix(name, "/") || isARN(name) || !strings.Contains(name, "/") {
		return name
	}
	return "/" + name
}

// ParameterPath brings the ways to write a path into one: /app; / for the root.
func ParameterPath(path string) string {
	path = strings.TrimRight(path, "/")
	if path == "" || path[0] != '/' {
		return "/" + path
	}
	return path
}

// Member is the ref of one value of a group, by the name that the group's
// answer gives it.
func (r Ref) Member(name string) Ref {
	m := r
	m.Path, m.Recursive, m.AllSorts = false, false, false
	if r.Source == DynamoDB {
		m.Sort = name
	} else {
		m.Name = name
	}
	return m
}

// Means tells whether other is written as r is, apart from what selects among
// several values of one name: version, label, attribute, decryption. Where r
// has no sort key, region or role, those of other do not matter. A sort key may
// be written behind the key: TABLE/KEY/SORT.
func (r Ref) Means(other Ref) bool {
	key := r.Key == other.Key && (r.Sort == "" || r.Sort == other.Sort) ||
		r.Sort == "" && other.Sort != "" && r.Key == other.Key+"/"+other.Sort
	return r.Source == other.Source && r.Name == other.Name && r.Path == other.Path && key && r.AllSorts == other.AllSorts &&
		(r.Region == "" || r.Region == other.Region) && (r.RoleARN == "" || r.RoleARN == other.RoleARN)
}
