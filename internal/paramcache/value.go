package paramcache

import (
	"fmt"
	"io"
	"time"

	"powertools-extension/internal/ref"
)

// Value is one fetched value with what the service said about it. The fields
// carry enough to rebuild the service's own answer byte for byte. A Value
// prints its name and version, never its content.
type Value struct {
	Name string // as the service names it
	ARN  string

	Text   Secret // the value as text; for binary secrets empty
	Binary []byte // Secrets Manager SecretBinary, DynamoDB B: the decoded bytes
	IsText bool   // Text is set, even when it is the empty string
	JSON   bool   // Text is a JSON value by nature (a DynamoDB attribute that is not a string, or a whole item)

	Version  string    // SSM version number, Secrets Manager version id
	Stages   []string  // Secrets Manager
	Modified time.Time // SSM LastModifiedDate, Secrets Manager CreatedDate; zero if absent

	Type         string  // SSM: String, StringList, SecureString
	DataType     *string // SSM; null on the wire when nil
	Selector     *string // SSM
	SourceResult *Secret // SSM: JSON of the source behind /aws/reference/…

	ContentType string // AppConfig: the media type as deployed

	// Polled is when the service was last asked, by the wall clock, where that
	// was before the fetch: AppConfig does not let itself be asked at will.
	// Zero: now.
	Polled time.Time

	// Members are the values of a group, not nil for a group that is empty;
	// the group itself has no content. A member's Name is the parameter's full
	// name, or the sort key.
	Members []Value
}

// Size is how many bytes the value counts against the cache's bound.
func (v Value) Size() int {
	n := len(v.Name) + len(v.ARN) + len(v.Text) + len(v.Binary) + len(v.Version) + len(v.Type) + len(v.ContentType) + 128
	for _, stage := range v.Stages {
		n += len(stage) + 16
	}
	if v.SourceResult != nil {
		n += len(*v.SourceResult)
	}
	for i := range v.Members {
		n += v.Members[i].Size()
	}
	return n
}

// emptyGroup tells whether the value is a group without members.
func (v *Value) emptyGroup() bool { return v.Members != nil && len(v.Members) == 0 }

// answer is what the value tells about its names.
func (v *Value) answer() ref.Answer {
	return ref.Answer{Name: v.Name, ARN: v.ARN, Plain: v.plain()}
}

// plain tells whether a parameter's type has no encryption; of a group, that of
// each member.
func (v *Value) plain() bool {
	if v.Members == nil {
		return v.Type == "String" || v.Type == "StringList"
	}
	for i := range v.Members {
		if !v.Members[i].plain() {
			return false
		}
	}
	return true
}

// Content is what the value holds, whatever its kind: of a binary secret the
// text that its bytes are.
func (v *Value) Content() string {
	if v.IsText || v.Binary == nil {
		return v.Text.Reveal()
	}
	return string(v.Binary)
}

// String names the value and its version.
func (v Value) String() string {
	return fmt.Sprintf("{%s version %s %s}", v.Name, v.Version, redacted)
}

// Format prints String for every verb, because the fields would show Binary.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// MarshalText returns String, which also covers encoding/json and zap.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
