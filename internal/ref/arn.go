package ref

import "strings"

// arn is an Amazon Resource Name, without its partition: a region is in one
// partition only. Page "Amazon Resource Names (ARNs)", IAM User Guide.
type arn struct {
	region, account, resource string
}

func isARN(name string) bool { return strings.HasPrefix(name, "arn:") }

// IsARN tells whether a name is written as an ARN, well formed or not.
func (r Ref) IsARN() bool { return isARN(r.Name) }

// parseARN splits name if it is an ARN of the service in one of AWS's
// partitions. Region and account may be empty, which means: here.
func parseARN(name, service string) (arn, bool) {
	rest, ok := strings.CutPrefix(name, "arn:aws")
	if !ok {
		return arn{}, false
	}
	partition, rest, ok := strings.Cut(rest, ":")
	if !ok || partition != "" && (partition[0] != '-' || !only(partition, func(c byte) bool { return c == '-' || isLower(c) })) {
		return arn{}, false
	}
	found, rest, ok := strings.Cut(rest, ":")
	if !ok || found != service {
		return arn{}, false
	}
	region, rest, ok := strings.Cut(rest, ":")
	if !ok {
		return arn{}, false
	}
	account, resource, ok := strings.Cut(rest, ":")
	return arn{region: region, account: account, resource: resource}, ok && resource != ""
}

// cutSuffix splits the id at the end of a full secret ARN into the secret's
// name and tells whether it ends as Secrets Manager ends them: a hyphen and six
// characters. A name may end like that too, so this alone proves nothing. Page
// "GetSecretValue", Secrets Manager API Reference, SecretId.
func cutSuffix(id string) (name string, ok bool) {
	const suffix = 6
	at := len(id) - suffix - 1
	if at < 1 || id[at] != '-' {
		return id, false
	}
	for _, c := range []byte(id[at+1:]) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return id, false
		}
	}
	return id[:at], true
}

// CutSelector splits a parameter's name or ARN from the version or label
// behind it; selector keeps its colon and is empty where there is none.
func CutSelector(name string) (bare, selector string) {
	from := 0
	if isARN(name) {
		from = strings.Index(name, ":parameter/") + 1
	}
	if at := strings.IndexByte(name[from:], ':'); at >= 0 {
		return name[:from+at], name[from+at:]
	}
	return name, ""
}

// Bare is the name of a parameter or a secret without selector, ARN and first
// slash: services count by it what they are asked for together. Two different
// things may have one bare name.
func (r Ref) Bare() string {
	name := r.Name
	if r.Source == SSM {
		name, _ = CutSelector(name)
	}
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		name = strings.TrimPrefix(strings.TrimPrefix(parts[5], "parameter"), "secret:")
	}
	return strings.TrimPrefix(name, "/")
}
