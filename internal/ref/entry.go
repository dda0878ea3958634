package ref

import (
	"errors"
	"strings"
)

// entry is one entry of an allow-list. Its texts are globs: * is any run of
// characters, slashes too, and ? is any one byte.
type entry struct {
	source Source   // empty: every one, and names are matched with their source before them
	path   bool     // about SSM paths
	names  []string // any of them
	ids    []string // of secrets, as the end of an ARN

	region, account, role string // empty: the function's, none
	version, label        string // empty: every one

	keyAttr, sortAttr, valueAttr string // empty: as configured
	item                         bool
}

// CheckEntry tells what is wrong with an entry of an allow-list, and what was
// probably meant. An entry with an error allows nothing.
func CheckEntry(text string) error {
	_, err := parseEntry(text)
	return err
}

var errEntry = errors.New("not the source of a ref: write ssm:, ssm-path:, secret:, dynamodb: or appconfig: before the name")

func meant(entry string) error { return errors.New("allows nothing: did you mean " + entry + "?") }

func parseEntry(text string) (entry, error) {
	e := entry{}
	text, arguments := cutArguments(text)
	if strings.HasPrefix(text, "*") {
		e.names = []string{normalized(text)}
		return e, e.parseArguments(arguments)
	}
	word, name, ok := strings.Cut(text, ":")
	if !ok {
		return e, guessSource(text)
	}
	var err error
	switch word {
	case "ssm":
		e.source, err = SSM, e.parseParameter(name)
	case "ssm-path":
		e.source, e.path = SSM, true
		if isARN(name) || name == "" {
			err = errors.New("a path has no ARN: write it as in ssm-path:/app/*")
		} else {
			e.names = []string{normalized(ParameterPath(name))}
		}
	case "secret", "secrets":
		e.source, err = Secrets, e.parseSecret(name)
	case "dynamodb":
		e.source, err = DynamoDB, e.parseItem(name)
	case "appconfig":
		e.source, err = AppConfig, e.parseProfile(name)
	default:
		err = guessSource(text)
	}
	if err == nil {
		err = e.parseArguments(arguments)
	}
	return e, err
}

// guessSource is the error of an entry without a known source.
func guessSource(text string) error {
	word, name, _ := strings.Cut(text, ":")
	switch strings.ToLower(word) {
	case "arn":
		for _, s := range [...]struct{ service, word string }{{"ssm", "ssm:"}, {"secretsmanager", "secret:"}, {"dynamodb", "dynamodb:"}} {
			if parts := strings.SplitN(text, ":", 4); len(parts) == 4 && parts[2] == s.service {
				return meant(s.word + text)
			}
		}
	case "parameter", "parameters", "ssm-parameter", "systemsmanager", "ssn", "smm", "sms", "ssm":
		return meant("ssm:" + ParameterName(name))
	case "ssmpath", "ssm_path", "path", "ssm-paths":
		return meant("ssm-path:" + ParameterPath(name))
	case "secretsmanager", "secret", "secrets", "secretmanager", "sm":
		return meant("secret:" + name)
	case "dynamo", "ddb", "dynamodb", "dynamo-db", "table":
		return meant("dynamodb:" + name)
	case "app-config", "appconfig", "config":
		return meant("appconfig:" + name)
	}
	if strings.HasPrefix(text, "/") {
		return meant("ssm:" + text)
	}
	return errEntry
}

// parseParameter: a selector behind the name allows that version or label alone.
func (e *entry) parseParameter(name string) error {
	selector := ""
	if _, own := parseARN(name, "ssm"); own || !isARN(name) {
		name, selector = CutSelector(name)
	}
	switch {
	case selector == "":
	case selector == ":" || strings.Contains(selector[1:], ":"):
		return errors.New("allows nothing: a parameter's name has at most one colon, before its version or label")
	case isDigit(selector[1]):
		e.version = selector[1:]
	default:
		e.label = selector[1:]
	}
	if !isARN(name) {
		if name == "" {
			return errors.New("has no name: write ssm:* for every parameter")
		}
		// A name with levels starts with a slash, or with a wildcard for it.
		if name[0] != '/' && name[0] != '*' && name[0] != '?' && strings.Contains(name, "/") {
			return meant("ssm:/" + name)
		}
		e.names = []string{normalized(name)}
		return nil
	}
	resource, err := e.address(name, "ssm", "parameter/")
	if err != nil {
		return err
	}
	e.names = []string{normalized("/" + resource)}
	if cut := strings.IndexAny(resource, "/*"); cut < 0 || resource[cut] == '*' {
		e.names = append(e.names, normalized(resource))
	}
	return nil
}

// parseSecret: an ARN allows what is asked for by such an ARN; where it is sure
// to be that of a name, the name as well.
func (e *entry) parseSecret(name string) error {
	if name == "" {
		return errors.New("has no name: write secret:* for every secret")
	}
	if !isARN(name) {
		if strings.Contains(name, ":") {
			return errors.New("allows nothing: a secret's name has no colon")
		}
		e.names = []string{normalized(name)}
		return nil
	}
	resource, err := e.address(name, "secretsmanager", "secret:")
	if err != nil {
		return err
	}
	id := normalized(resource)
	e.ids = []string{id}
	const anySuffix = "-??????"
	bare, suffixed := strings.CutSuffix(id, anySuffix)
	_, full := cutSuffix(id)
	switch {
	case suffixed:
		e.names = []string{bare}
	case strings.HasSuffix(id, "*") || !full:
		e.names = []string{id}
	}
	return nil
}

func (e *entry) parseItem(name string) error {
	table, key, ok := cutTable(name)
	if !ok || key == "" {
		if table == "" || strings.HasSuffix(name, "*") && !isARN(name) {
			e.names = []string{normalized(name)}
			return nil
		}
		return meant("dynamodb:" + strings.TrimSuffix(name, "/") + "/*")
	}
	if isARN(table) {
		resource, err := e.address(table, "dynamodb", "table/")
		if err != nil {
			return err
		}
		table = resource
	}
	e.names = []string{normalized(table + "/" + key)}
	return nil
}

func (e *entry) parseProfile(name string) error {
	plain := strings.Trim(name, "/")
	if strings.Contains(plain, ":") && !strings.Contains(plain, "/") {
		return meant(FromAgent(plain))
	}
	if name == "" || !strings.Contains(plain, "*") && !isProfile(plain) {
		return errors.New("allows nothing: a configuration is named appconfig:APP/ENV/PROFILE")
	}
	e.names = []string{normalized(plain)}
	return nil
}

// address takes region and account of an ARN, which may be globs, and returns
// the rest of its resource.
func (e *entry) address(name, service, prefix string) (string, error) {
	a, ok := parseARN(name, service)
	resource, is := strings.CutPrefix(a.resource, prefix)
	if !ok || !is || resource == "" {
		if err := guessSource(name); !ok && err != errEntry {
			return "", err
		}
		return "", errors.New("allows nothing: the ARN is not one of " + service + " with " + prefix + " and a name")
	}
	e.region, e.account = a.region, a.account
	return resource, nil
}

// cutArguments splits an entry from its arguments, which stand behind a
// question mark. One that no name= follows is a wildcard.
func cutArguments(text string) (name, arguments string) {
	for i := range len(text) {
		if text[i] != '?' {
			continue
		}
		word, _, ok := strings.Cut(text[i+1:], "=")
		if ok && only(word, func(c byte) bool { return isLower(c) || c == '_' }) {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

func (e *entry) parseArguments(text string) error {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		name, value, _ := strings.Cut(pair, "=")
		if err := e.argue(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) argue(name, value string) error {
	if value == "" {
		return errors.New("an argument behind the ? is empty: write name=value")
	}
	tabled := e.source == DynamoDB || e.source == ""
	switch value = normalized(value); {
	case name == "region":
		if !IsRegion(value) && !strings.ContainsAny(value, "*?") {
			return errors.New("region= is not a region such as eu-west-1")
		}
		e.region = value
	case name == "role_arn" || name == "roleArn":
		if !IsRole(value) && !strings.ContainsAny(value, "*?") {
			return errors.New("role_arn= is not a role such as arn:aws:iam::123456789012:role/reader")
		}
		e.role = value
	case name == "version" && e.source == SSM || name == "version_id" && e.source == Secrets:
		e.version = value
	case name == "label" && e.source == SSM || name == "version_stage" && e.source == Secrets:
		e.label = value
	case name == "sort" && e.source == DynamoDB:
		e.names[0] += "/" + value
	case name == "key_attr" && tabled:
		e.keyAttr = value
	case name == "sort_attr" && tabled:
		e.sortAttr = value
	case name == "value_attr" && tabled:
		e.valueAttr = value
	case name == "item" && tabled && (value == "true" || value == "false"):
		e.item = value == "true"
	default:
		return errors.New("an argument behind the ? is unknown or has no such value: use region=, role_arn=, version=, label=, version_id=, version_stage=, sort=, key_attr=, sort_attr=, value_attr= or item=true, where the source has it")
	}
	return nil
}

// normalized writes a glob in the escaped form of the names it is compared to.
func normalized(glob string) string {
	var b strings.Builder
	for i := range len(glob) {
		switch c := glob[i]; {
		case c == '*' || c == '?':
			b.WriteByte(c)
		case c == '%' && i+2 < len(glob) && isHex(glob[i+1]) && isHex(glob[i+2]):
			b.WriteByte(c)
		case i > 0 && glob[i-1] == '%' && isHex(c) || i > 1 && glob[i-2] == '%' && isHex(c) && isHex(glob[i-1]):
			b.WriteByte(strings.ToUpper(string(c))[0])
		default:
			writeEscaped(&b, string([]byte{c}), "")
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// covers tells whether the entry allows the view, where the function's home is.
func (e *entry) covers(v *view, h Home) bool {
	if e.source != "" && e.source != v.source {
		return false
	}
	account := func() string {
		if own := h.of(Ref{RoleARN: v.role}).Account; v.account == "" && own != nil {
			return own()
		}
		return v.account
	}
	switch {
	case !fromHome(e.region, v.region, func() string { return orElse(v.region, h.Region) }), !fromHome(e.account, v.account, account):
		return false
	case e.role == "" && v.role != "" || e.role != "" && !matchGlob(e.role, v.role):
		return false
	case e.version != "" && !matchGlob(e.version, v.version) || e.label != "" && !matchGlob(e.label, v.label):
		return false
	case !attribute(e.keyAttr, v.keyAttr, h.KeyAttr), !attribute(e.sortAttr, v.sortAttr, h.SortAttr), v.item && !e.item:
		return false
	case !v.item && !attribute(e.valueAttr, v.valueAttr, h.ValueAttr):
		return false
	}
	return e.coversName(v)
}

// fromHome matches a region or an account: without a glob only the function's
// own passes, else the true one is matched.
func fromHome(glob, foreign string, actual func() string) bool {
	if glob == "" {
		return foreign == ""
	}
	return matchGlob(glob, actual())
}

// attribute matches an attribute of DynamoDB's; other is empty where it is the
// configured one.
func attribute(glob, other, configured string) bool {
	if glob == "" {
		return other == ""
	}
	return matchGlob(glob, orElse(other, escaped(configured)))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// coversName matches the name. Of a group it matches what all its members have
// in common, because they are not known before they are there: by an entry on
// the path itself, or by a glob that ends in *, which then matches every one.
func (e *entry) coversName(v *view) bool {
	group := v.path || v.members != ""
	if v.id != "" {
		for _, glob := range e.ids {
			if matchGlob(glob, v.id) {
				return true
			}
		}
	}
	for _, glob := range e.names {
		before := ""
		if e.source == "" {
			before = string(v.source) + ":"
		}
		switch {
		case e.path && v.path && v.source == SSM:
			if matchGlob(glob, v.name) || matchGlob(glob, strings.TrimSuffix(v.name, "/")+"/") {
				return true
			}
		case e.path:
		case group && strings.HasSuffix(glob, "*") && matchGlob(glob, before+v.members):
			return true
		case !group && matchGlob(glob, before+v.name):
			return true
		}
	}
	return false
}

// matchGlob matches the whole of s: * is any run of characters, slashes too,
// and ? is any one byte. Two positions are remembered instead of recursing, so
// the time is at most len(glob)·len(s).
func matchGlob(glob, s string) bool {
	g, i := 0, 0
	star, from := -1, 0 // the last *, and where in s its run ends
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, from = g, i
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == s[i]):
			g++
			i++
		case star >= 0:
			from++
			g, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
