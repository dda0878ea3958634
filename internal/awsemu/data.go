package awsemu

import "time"

// Data is what the embedded AWS holds at the start. Order is the file's order.
type Data struct {
	Region  string // of the ARNs; empty: us-east-1
	Account string // of the ARNs, 12 digits; empty: 123456789012

	Parameters []Parameter
	Secrets    []Secret
	Tables     []Table
}

// Parameter is one SSM parameter with its history.
type Parameter struct {
	Name     string
	Type     string             // String, StringList or SecureString
	DataType string             // empty: text
	Tier     string             // Standard or Advanced; empty: Standard
	Versions []ParameterVersion // oldest first; the version number is the index plus one
}

// ParameterVersion is one version of a parameter.
type ParameterVersion struct {
	Value    string
	Labels   []string  // a label is on one version of a parameter at most
	Modified time.Time // zero: when the server was made
}

// Secret is one Secrets Manager secret with its versions.
type Secret struct {
	Name        string
	Description string
	Versions    []SecretVersion
}

// SecretVersion is one version of a secret. Binary is nil for a text secret.
type SecretVersion struct {
	ID      string // 32 to 64 characters; empty: derived from name and position
	Text    string
	Binary  []byte
	Stages  []string  // e.g. AWSCURRENT; a stage is on one version at most
	Created time.Time // zero: when the server was made
}

// Table is one DynamoDB table without indexes.
type Table struct {
	Name  string
	Key   string // the partition key's attribute
	Sort  string // the sort key's attribute; empty: the table has none
	Items []Item
}

// Item is one item of a table: attribute values by name.
type Item map[string]Attribute
