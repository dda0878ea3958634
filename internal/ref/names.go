package ref

import (
	"slices"
	"strings"
)

// Answer is what a service's answer says about the thing it is of.
type Answer struct {
	Name, ARN string

	// Plain: the parameter, or each one of the group, is of a type that is not
	// encrypted, so the answer is the same with and without decryption. Page
	// "GetParameter", Systems Manager API Reference, WithDecryption.
	Plain bool
}

// Names lists the keys under which the answer to r is filed: first the key that
// stays the same however the thing was asked for, and somewhere the key of r
// itself. What the answer says about name and ARN is the only proof that
// different writings mean one thing. not are the keys that this answer is no
// answer for, though an answer before may have been.
func (h Home) Names(r Ref, a Answer) (keys, not []string) {
	asked := h.target(r)
	targets := []target{asked}
	switch {
	case r.Group():
	case r.Source == SSM:
		targets = h.of(r).parameterNames(asked, a)
	case r.Source == Secrets:
		targets = h.of(r).secretNames(asked, a)
	}
	r = h.laidOut(r)
	keys = make([]string, 0, len(targets))
	if r.Source != SSM {
		return r.appendKeys(keys, targets), nil
	}
	other := r
	other.Decrypt = !r.Decrypt
	if !a.Plain {
		return r.appendKeys(keys, targets), other.appendKeys(nil, targets)
	}
	if r.Decrypt {
		r, other = other, r
	}
	return other.appendKeys(r.appendKeys(keys, targets), targets), nil
}

func (r Ref) appendKeys(keys []string, targets []target) []string {
	for _, t := range targets {
		keys = appendNew(keys, r.keyOf(t))
	}
	return keys
}

// Concerns tells whether a value that was asked for as own, and is filed under
// the keys, is one that asked names: in whatever version or stage, decrypted or
// not, as a table's item or attribute, by itself or in a group. A group is
// concerned by itself and by its members.
func (h Home) Concerns(own Ref, keys []string, asked Ref) bool {
	if own.Source != asked.Source || own.RoleARN != asked.RoleARN || asked.Group() && (own.Path != asked.Path || own.AllSorts != asked.AllSorts) {
		return false
	}
	a, o := h.target(asked), h.target(own)
	if own.Path && !asked.Path {
		return a.region == o.region && a.account == o.account && under(o.name, a.name)
	}
	like := own
	like.Key = asked.Key
	if !own.AllSorts {
		like.Sort = asked.Sort
	}
	a.version, a.label = o.version, o.label
	return slices.Contains(keys, h.laidOut(like).keyOf(a))
}

// under tells whether a parameter's name lies below the path; the end of an
// ARN lacks its slash.
func under(path, name string) bool {
	return path == "/" || strings.HasPrefix("/"+strings.TrimPrefix(name, "/"), path+"/")
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
func (h Home) parameterNames(asked target, v Answer) []target {
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
func (h Home) secretNames(asked target, v Answer) []target {
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
