package ref

import "strings"

// Allow is an allow-list: what may be read, and nothing else. nil permits every
// ref; a list without entries permits none. It is safe for concurrent use.
//
// A ref is judged by what it names, never by how it is written: by name, ARN
// and selector alike, in the function's region and account and without a role
// unless an entry names others, and of a table's item by the configured value
// attribute unless an entry names another. Where a writing could name two
// things, both must be allowed.
type Allow struct {
	home    Home
	entries []entry
}

// NewAllow makes the list of its entries' texts; nil makes nil. Entries that
// CheckEntry refuses allow nothing.
func NewAllow(list []string, home Home) *Allow {
	if list == nil {
		return nil
	}
	a := &Allow{home: home}
	for _, text := range list {
		if e, err := parseEntry(text); err == nil {
			a.entries = append(a.entries, e)
		}
	}
	return a
}

// Permits tells whether the ref may be read. A secret that is read as a
// parameter must be allowed as both.
func (a *Allow) Permits(r Ref) bool {
	if a == nil {
		return true
	}
	if !a.permits(a.home.views(r)) {
		return false
	}
	secret, refers := a.home.referenced(r)
	return !refers || a.permits(secret)
}

func (a *Allow) permits(views []view) bool {
	for i := range views {
		if !a.permitsView(&views[i]) {
			return false
		}
	}
	return len(views) > 0
}

func (a *Allow) permitsView(v *view) bool {
	for i := range a.entries {
		if a.entries[i].covers(v, a.home) {
			return true
		}
	}
	return false
}

// Missing is the entry that would permit the ref, where it is not permitted.
func (a *Allow) Missing(r Ref) string {
	if a != nil && a.permits(a.home.views(r)) {
		if secret, refers := a.home.referenced(r); refers && len(secret) > 0 {
			return "secret:" + secret[0].name
		}
	}
	t := a.home.target(r)
	asked := Ref{Source: r.Source, Name: r.Name, Path: r.Path, AllSorts: r.AllSorts, Key: r.Key, Item: r.Item, Region: r.Region, RoleARN: r.RoleARN}
	if t.form == named && t.account == "" {
		asked.Name, asked.Region = t.name, t.region
	}
	switch {
	case r.Path:
		asked.Name = ParameterPath(asked.Name)
	case r.Source == SSM:
		asked.Name = ParameterName(asked.Name)
	case r.Source == DynamoDB:
		plain := a.home.laidOut(r)
		asked.KeyAttr, asked.SortAttr, asked.ValueAttr = plain.KeyAttr, plain.SortAttr, plain.ValueAttr
		asked.Sort = r.Sort
	}
	return asked.String()
}

// view is one thing that a ref may mean, as entries see it.
type view struct {
	source  Source
	name    string // escaped as in the text form; of an item TABLE/KEY or TABLE/KEY/SORT
	id      string // the end of a secret's ARN, where it was written so
	path    bool   // name is a path
	members string // what the names of a group's members begin with; empty: it is no group

	region, account, role string // empty: the function's, none
	version, label        string

	keyAttr, sortAttr, valueAttr string // empty: as configured
	item                         bool
}

// views is everything the ref may mean; nothing if it has no sense.
func (h Home) views(r Ref) []view {
	t := h.target(r)
	if t.form == literal || t.name == "" || t.region != "" && !IsRegion(t.region) || t.account != "" && !only(t.account, isDigit) {
		return nil
	}
	plain := h.laidOut(r)
	v := view{source: r.Source, region: t.region, account: t.account, role: r.RoleARN, version: escaped(t.version), label: escaped(t.label),
		keyAttr: escaped(plain.KeyAttr), sortAttr: escaped(plain.SortAttr), valueAttr: escaped(plain.ValueAttr), item: r.Item}
	switch r.Source {
	case SSM:
		return v.parameters(t, r.Path)
	case Secrets:
		return v.secrets(t)
	case DynamoDB:
		return v.items(t, r)
	}
	v.name = escaped(t.name)
	return []view{v}
}

// parameters: the ARN of one level may be that of db and of /db.
func (v view) parameters(t target, path bool) []view {
	if strings.Contains(t.name, "//") || strings.Contains(t.name, ":") {
		return nil // no name has them, and what a service makes of them is not known
	}
	if path {
		v.path, v.name = true, escaped(ParameterPath(t.name))
		v.members = strings.TrimSuffix(v.name, "/") + "/"
		if v.name == "/" {
			v.members = "" // at the root are names without a slash as well
			v.source = SSM
		}
		return []view{v}
	}
	v.name = escaped(ParameterName(t.name))
	if t.form != byARN {
		return []view{v}
	}
	slashed := v
	slashed.name = "/" + v.name
	return []view{v, slashed}
}

// secrets: the end of an ARN may be a name, or one with six characters of
// Secrets Manager's behind it.
func (v view) secrets(t target) []view {
	if strings.Contains(t.name, ":") {
		return nil
	}
	v.name = escaped(t.name)
	if t.form != byARN {
		return []view{v}
	}
	v.id = v.name
	full := v
	var suffixed bool
	if full.name, suffixed = cutSuffix(v.name); !suffixed {
		return []view{v}
	}
	return []view{v, full}
}

func (v view) items(t target, r Ref) []view {
	if strings.ContainsAny(t.name, "/:") || r.Key == "" {
		return nil
	}
	v.name = escaped(t.name) + "/" + escaped(r.Key)
	switch {
	case r.AllSorts:
		v.members = v.name + "/"
	case r.Sort != "":
		v.name += "/" + escaped(r.Sort)
	}
	return []view{v}
}

func escaped(s string) string {
	if only(s, func(c byte) bool {
		return isLower(c) || isDigit(c) || c == '/' || c == '-' || c >= 'A' && c <= 'Z' || c == '_'
	}) {
		return s
	}
	var b strings.Builder
	writeEscaped(&b, s, "")
	return b.String()
}

// reference is where SSM shows the secrets of Secrets Manager. Page
// "Referencing AWS Secrets Manager secrets from Parameter Store parameters",
// Systems Manager User Guide.
const reference = "/aws/reference/secretsmanager"

// referenced is the secret behind a parameter's name, or all secrets below a
// path; refers is false where there is none.
func (h Home) referenced(r Ref) (views []view, refers bool) {
	t := h.target(r)
	if r.Source != SSM {
		return nil, false
	}
	name := ParameterName(t.name)
	if t.form == byARN || len(name) < len(reference) || !strings.EqualFold(name[:len(reference)], reference) {
		return nil, false
	}
	rest := name[len(reference):]
	if rest != "" && rest[0] != '/' {
		return nil, false
	}
	id := strings.TrimPrefix(rest, "/")
	v := view{source: Secrets, name: escaped(id), region: t.region, account: t.account, role: r.RoleARN, version: escaped(t.version), label: escaped(t.label)}
	if v.label == "AWSCURRENT" {
		v.label = ""
	}
	if r.Path {
		v.path, v.members = true, v.name
		if v.name != "" {
			v.members += "/"
		}
	}
	return []view{v}, true
}
