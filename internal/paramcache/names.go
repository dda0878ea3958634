package paramcache

import "strings"

// names lists the keys under which the answer to ref is filed: first the key
// that stays the same however the thing was asked for, and somewhere the key of
// ref itself. What the answer says about name and ARN is the only proof that
// different writings mean one thing.
func (h home) names(ref Ref, v Value) []string {
	asked := h.target(ref)
	targets := []target{asked}
	switch {
	case ref.Group():
	case ref.Source == SSM:
		targets = h.of(ref).parameterNames(asked, v)
	case ref.Source == Secrets:
		targets = h.of(ref).secretNames(asked, v)
	}
	keys := make([]string, 0, len(targets))
	for _, t := range targets {
		keys = appendNew(keys, ref.keyOf(t))
	}
	return keys
}

func appendNew(keys []string, key string) []string {
	for _, k := range keys {
		if k == key {
			return keys
		}
	}
	return append(keys, key)
}

// parameterNames adds the ARN to a parameter asked for by name, and the name to
// one asked for by an ARN of one level.
func (h home) parameterNames(asked target, v Value) []target {
	only := []target{asked}
	a, ok := parseARN(v.ARN, "ssm")
	path, isParameter := strings.CutPrefix(a.resource, "parameter/")
	if !ok || !isParameter || asked.form == literal {
		return only // e.g. the secret behind /aws/reference/secretsmanager/…
	}
	full := asked
	full.region, full.account = a.region, a.account
	switch {
	case asked.form == named && asked.name == "/"+path && strings.Contains(path, "/"):
		full.name = "/" + path
	case asked.form == named && asked.name == path:
		full.form = byARN
	case asked.form == byARN && (v.Name == path || v.Name == "/"+path):
		full.form, full.name = named, v.Name
		if h.relative(full).account != "" {
			return only // somebody else's parameter has no name here
		}
	default:
		return only
	}
	return []target{asked, h.relative(full)}
}

// secretNames lists full ARN, partial ARN and name of a secret. The partial ARN
// of a name that ends like a full ARN is learned only when it was asked for.
func (h home) secretNames(asked target, v Value) []target {
	a, ok := parseARN(v.ARN, "secretsmanager")
	id, isSecret := strings.CutPrefix(a.resource, "secret:")
	name, hasSuffix := cutSuffix(id)
	if !ok || !isSecret || !hasSuffix || name != v.Name || asked.form == literal {
		return []target{asked}
	}
	full := asked
	full.form, full.region, full.account, full.name = byARN, a.region, a.account, id
	full = h.relative(full)
	targets := []target{full, asked}
	if _, looksFull := cutSuffix(name); !looksFull {
		partial := full
		partial.name = name
		targets = append(targets, partial)
	}
	if full.account == "" {
		plain := full
		plain.form, plain.name = named, name
		targets = append(targets, plain)
	}
	return targets
}
