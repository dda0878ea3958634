package ref

import (
	"errors"
	"net/url"
	"strings"
)

// errForm is what a text is told that is no ref.
var errForm = errors.New("not a ref: use ssm:/app/db, ssm-path:/app, secret:ID, dynamodb:TABLE/KEY or appconfig:APP/ENV/PROFILE")

// Parse reads a ref's text form, in which prefetch lists, allow-lists and the
// cache's listing name it: the source, a colon, the name as in the local API's
// path, and its further arguments behind a question mark, as in
//
//	ssm:/app/db?decrypt=true
//	secret:db?version_stage=AWSPREVIOUS&region=us-east-1
//	dynamodb:config/shop?sort=prod
//	dynamodb:config/shop/*               every sort key
//
// A percent sign begins an escape; what would be read otherwise (% ? , * & and
// blanks in a name) is written as one. The error says what is allowed and does
// not repeat the text.
func Parse(text string) (Ref, error) { return ParseWith(text, Ref{}) }

// ParseWith is Parse for texts that stand where some arguments have defaults:
// those of SSM's Decrypt, and of region and role.
func ParseWith(text string, defaults Ref) (Ref, error) {
	word, rest, _ := strings.Cut(text, ":")
	rest, arguments, _ := strings.Cut(rest, "?")
	r := Ref{Region: defaults.Region, RoleARN: defaults.RoleARN}
	var err error
	switch word {
	case "ssm":
		r.Source, r.Decrypt = SSM, defaults.Decrypt
		r.Name, err = unescape(rest)
		r.Name = ParameterName(r.Name)
	case "ssm-path":
		r.Source, r.Decrypt, r.Path = SSM, defaults.Decrypt, true
		if r.Name, err = unescape(rest); r.Name == "" || isARN(r.Name) {
			return Ref{}, errForm
		}
		r.Name = ParameterPath(r.Name)
	case "secret", "secrets":
		r.Source = Secrets
		r.Name, err = unescape(rest)
	case "dynamodb":
		r.Source = DynamoDB
		err = r.parseItem(rest)
	case "appconfig":
		r.Source = AppConfig
		if r.Name, err = unescape(rest); err == nil && !isProfile(strings.Trim(r.Name, "/")) {
			return Ref{}, errForm
		}
		r.Name = strings.Trim(r.Name, "/")
	}
	if err == nil && r.Name == "" {
		err = errForm
	}
	if err == nil {
		err = r.parseArguments(arguments)
	}
	if err != nil {
		return Ref{}, err
	}
	return r, nil
}

// parseItem reads TABLE/KEY, and TABLE/KEY/* for every sort key. A table's ARN
// has a slash of its own.
func (r *Ref) parseItem(text string) error {
	table, key, ok := cutTable(text)
	if !ok {
		return errForm
	}
	key, r.AllSorts = strings.CutSuffix(key, "/*")
	var err error
	if r.Name, err = unescape(table); err != nil {
		return err
	}
	if r.Key, err = unescape(key); err == nil && (r.Name == "" || r.Key == "") {
		err = errForm
	}
	return err
}

// cutTable splits what stands behind dynamodb: into the table and the key.
func cutTable(text string) (table, key string, ok bool) {
	from := 0
	if isARN(text) {
		if from = strings.Index(text, ":table/"); from < 0 {
			return "", "", false
		}
		from += len(":table/")
	}
	at := strings.IndexByte(text[from:], '/')
	if at < 0 {
		return text, "", false
	}
	return text[:from+at], text[from+at+1:], true
}

func isProfile(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) == 3 && parts[0] != "" && parts[1] != "" && parts[2] != ""
}

// parseArguments reads what stands behind the question mark.
func (r *Ref) parseArguments(text string) error {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		name, value, _ := strings.Cut(pair, "=")
		value, err := unescape(value)
		if err != nil {
			return err
		}
		if value == "" {
			return errors.New("an argument behind the ? is empty: write name=value")
		}
		if err := r.argue(name, value); err != nil {
			return err
		}
	}
	switch {
	case r.Source == SSM && r.Version != "" && r.Label != "":
		return errors.New("version and label exclude each other")
	case r.AllSorts && r.Sort != "":
		return errors.New("/* is every sort key, and sort= is one: use either")
	}
	return nil
}

// argue takes one argument.
func (r *Ref) argue(name, value string) error {
	if text, flag := r.argument(name); text != nil {
		if name == "region" && !IsRegion(value) {
			return errors.New("region= is not a region such as eu-west-1")
		}
		if name == "role_arn" && !IsRole(value) {
			return errors.New("role_arn= is not a role such as arn:aws:iam::123456789012:role/reader")
		}
		*text = value
		return nil
	} else if flag != nil {
		*flag = value == "true"
		if !*flag && value != "false" {
			return errors.New("decrypt, recursive, consistent and item are true or false")
		}
		return nil
	}
	return errors.New("an argument behind the ? is unknown for its source: use " + r.argumentWords())
}

// argument is where the named argument of the ref's source is kept.
func (r *Ref) argument(name string) (text *string, flag *bool) {
	for _, a := range r.arguments() {
		if a.name == name {
			return a.text, a.flag
		}
	}
	return nil, nil
}

// argument is one argument of a text form: a text or a flag.
type argument struct {
	name string
	text *string
	flag *bool
}

// arguments are what the ref's source takes, in the order of the text form. The
// names are those of the local API.
func (r *Ref) arguments() []argument {
	var all []argument
	switch {
	case r.Path:
		all = []argument{{name: "recursive", flag: &r.Recursive}, {name: "decrypt", flag: &r.Decrypt}, {name: "label", text: &r.Label}}
	case r.Source == SSM:
		all = []argument{{name: "version", text: &r.Version}, {name: "label", text: &r.Label}, {name: "decrypt", flag: &r.Decrypt}}
	case r.Source == Secrets:
		all = []argument{{name: "version_id", text: &r.Version}, {name: "version_stage", text: &r.Label}}
	case r.Source == DynamoDB:
		all = []argument{{name: "sort", text: &r.Sort}, {name: "key_attr", text: &r.KeyAttr}, {name: "sort_attr", text: &r.SortAttr},
			{name: "value_attr", text: &r.ValueAttr}, {name: "consistent", flag: &r.Consistent}, {name: "item", flag: &r.Item}}
	}
	return append(all, argument{name: "region", text: &r.Region}, argument{name: "role_arn", text: &r.RoleARN})
}

func (r *Ref) argumentWords() string {
	var words []string
	for _, a := range r.arguments() {
		words = append(words, a.name+"=")
	}
	return strings.Join(words, ", ")
}

// String is the ref's text form, which Parse reads: for lists, logs and errors.
// It holds names, never a value.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(string(r.Source))
	if r.Path {
		b.WriteString("-path")
	}
	b.WriteByte(':')
	if r.Source != DynamoDB {
		writeEscaped(&b, r.Name, "")
	} else {
		r.writeItem(&b)
	}
	sep := byte('?')
	for _, a := range r.arguments() {
		value := "true"
		if a.text != nil {
			value = *a.text
		}
		if value == "" || a.flag != nil && !*a.flag {
			continue
		}
		b.WriteByte(sep)
		b.WriteString(a.name)
		b.WriteByte('=')
		writeEscaped(&b, value, "")
		sep = '&'
	}
	return b.String()
}

func (r Ref) writeItem(b *strings.Builder) {
	if table, key, ok := cutTable(r.Name + "/"); ok && table == r.Name && key == "" {
		writeEscaped(b, r.Name, "")
	} else {
		writeEscaped(b, r.Name, "/:")
	}
	if r.Key != "" {
		b.WriteByte('/')
		writeEscaped(b, r.Key, "")
	}
	if r.AllSorts {
		b.WriteString("/*")
	}
}

// writeEscaped escapes what Parse, or a comma list around it, would read
// otherwise, and the bytes in more.
func writeEscaped(b *strings.Builder, s, more string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte("%?,&*", c) >= 0 || strings.IndexByte(more, c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
}

func unescape(s string) (string, error) {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return "", errors.New("a % begins an escape such as %3F: write % itself as %25")
	}
	return plain, nil
}

// FromAgent turns an entry of the AppConfig agent's prefetch list into the text
// form. The agent takes App:Env:Profile and, from older versions, its own path.
// Page "AWS AppConfig Agent for Lambda", AppConfig User Guide.
func FromAgent(item string) string {
	parts := strings.Split(strings.Trim(item, "/"), "/")
	if len(parts) == 6 && parts[0] == "applications" && parts[2] == "environments" && parts[4] == "configurations" {
		return string(AppConfig) + ":" + parts[1] + "/" + parts[3] + "/" + parts[5]
	}
	return string(AppConfig) + ":" + strings.ReplaceAll(item, ":", "/")
}
