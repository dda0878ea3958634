package awsemu

import (
	"slices"
	"strings"
)

// tokens splits an expression into names, operators and brackets.
func tokens(text string) []string {
	var out []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := strings.IndexAny(text, " \t\r\n(),=<>")
		switch {
		case n < 0:
			n = len(text)
		case n == 0 && len(text) > 1 && text[1] == '=' && (text[0] == '<' || text[0] == '>'):
			n = 2
		case n == 0:
			n = 1
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// isReserved knows those of DynamoDB's 573 reserved words that are likely
// names of attributes: a request that uses one without a #placeholder works
// in many emulators and fails on AWS. (Reserved words in DynamoDB, developer guide)
func isReserved(name string) bool {
	return slices.Contains([]string{
		"ACTION", "BINARY", "BLOB", "BUCKET", "COMMENT", "CONNECTION", "COUNT", "COUNTER", "DATA", "DATE",
		"DAY", "DESCRIPTOR", "DOMAIN", "FILE", "FORMAT", "GROUP", "HASH", "HOUR", "INDEX", "ITEM", "ITEMS", "KEY",
		"KEYS", "LANGUAGE", "LENGTH", "LEVEL", "LIST", "LOCATION", "MAP", "MAX", "METRICS", "MIN", "MODE",
		"MONTH", "NAME", "NAMES", "NUMBER", "OBJECT", "ORDER", "OWNER", "PARAMETERS", "PATH", "PERCENT", "POSITION",
		"RANGE", "REGION", "ROLE", "SECTION", "SESSION", "SET", "SIZE", "SOURCE", "STATE", "STATUS", "STRING", "TABLE",
		"TIME", "TIMESTAMP", "TOKEN", "TOTAL", "TTL", "TYPE", "URL", "USER", "USERS", "UUID", "VALUE", "VALUES",
		"VARIABLES", "VIEW", "YEAR", "ZONE",
	}, strings.ToUpper(name))
}
