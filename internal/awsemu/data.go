package awsemu

import "time"

// Data is what the embedded AWS holds at the start. Order is the file's order.
type Data struct {
	Region  string // of the ARNs; empty: us-east-1
	Account string // of the ARNs, 12 digits; empty: 123456789012

	Parameters     []Parameter
	Secrets        []Secret
	Tables         []Table
	Configurations []Configuration
	Roles          []Role
	Mappings       []Mapping
}

// Mapping is one Lambda event source mapping, as ListEventSourceMappings tells
// of it. It delivers nothing.
type Mapping struct {
	EventSource             string // ARN of the queue or stream
	Function                string // name, NAME:ALIAS, or ARN
	ReportBatchItemFailures bool   // in FunctionResponseTypes
	BatchSize               int    // zero: 10 for a queue, 100 for a stream
	Disabled                bool
}

// Configuration is one AppConfig configuration profile in one environment.
type Configuration struct {
	Name         string                 // APPLICATION/ENVIRONMENT/PROFILE
	PollInterval time.Duration          // what clients are told to wait between polls; zero: a minute
	Versions     []ConfigurationVersion // oldest first; the last one is deployed
}

// ConfigurationVersion is one hosted version of a configuration.
type ConfigurationVersion struct {
	ContentType string // empty: application/json for a mapping or list, else text/plain
	Label       string // version label; empty: it has none
	Content     []byte
}

// Role is an IAM role that AssumeRole gives credentials for; every other role
// is refused. What calls with these credentials see is Data, or the server's
// own data when Data is nil.
type Role struct {
	ARN    string
	Denied bool  // the role has no permission to read anything
	Data   *Data // of the role's account
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

	KeyType, SortType string    // S, N or B; empty: that of the first item, else S
	kinds             [2]string // KeyType and SortType with their defaults
}

// Item is one item of a table: attribute values by name.
type Item map[string]Attribute
