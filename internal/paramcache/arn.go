package paramcache

import "strings"

// arn is an Amazon Resource Name, without its partition: a region is in one
// partition only. Page "Amazon Resource Names (ARNs)", IAM User Guide.
type arn struct {
	region, account, resource string
}

// parseARN splits name if it is an ARN of the service in one of AWS's
// partitions. Region and account may be empty, which means: here.
func parseARN(name, service string) (arn, bool) {
	rest, ok := strings.CutPrefix(name, "arn:aws")
	if !ok {
		return arn{}, false
	}
	partition, rest, ok := strings.Cut(rest, ":")
	if !ok || (partition != "" && partition[0] != '-') {
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
