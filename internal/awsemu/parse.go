package awsemu

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Parse reads the YAML form of Data. All mistakes are reported at once, each
// with its line and field; examples/params.yaml shows every form.
func Parse(text []byte) (Data, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return Data{}, fmt.Errorf("parse YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if document.Kind == 0 || len(document.Content) == 0 {
		return Data{}, nil
	}
	p := &parser{budget: maxNodes}
	data := p.data(document.Content[0])
	return data, errors.Join(p.problems...)
}

// Bounds of what aliases may expand to, far beyond what anybody writes by hand.
const (
	maxNodes = 1 << 18
	maxDepth = 50
)

type parser struct {
	problems []error
	budget   int // nodes left
	depth    int // of the value being read
}

func (p *parser) fail(n *yaml.Node, field, format string, args ...any) {
	if len(p.problems) < 20 {
		p.problems = append(p.problems, fmt.Errorf("line %d: %s: %s", n.Line, field, fmt.Sprintf(format, args...)))
	}
}

func (p *parser) data(n *yaml.Node) Data {
	var d Data
	for _, f := range p.mapping(n, "the file") {
		switch f.key {
		case "region":
			d.Region = p.text(f.value, f.key)
		case "account":
			d.Account = p.text(f.value, f.key)
			if len(d.Account) != 12 || strings.Trim(d.Account, "0123456789") != "" {
				p.fail(f.value, f.key, "%q is not 12 digits", d.Account)
			}
		case "roles":
			for _, e := range p.mapping(f.value, f.path) {
				d.Roles = append(d.Roles, p.role(e))
			}
		default:
			if !p.section(&d, f) {
				p.unknown(f, "region, account, parameters, secrets, tables, appconfig, event_source_mappings, roles")
			}
		}
	}
	return d
}

// section reads one kind of content into d and reports whether f is one.
func (p *parser) section(d *Data, f entry) bool {
	switch f.key {
	case "parameters":
		for _, e := range p.mapping(f.value, f.path) {
			d.Parameters = append(d.Parameters, p.parameter(e))
		}
	case "secrets":
		for _, e := range p.mapping(f.value, f.path) {
			d.Secrets = append(d.Secrets, p.secret(e))
		}
	case "tables":
		for _, e := range p.mapping(f.value, f.path) {
			d.Tables = append(d.Tables, p.table(e))
		}
	case "appconfig":
		for _, e := range p.mapping(f.value, f.path) {
			d.Configurations = append(d.Configurations, p.configuration(e))
		}
	case "event_source_mappings":
		d.Mappings = append(d.Mappings, p.eventSourceMappings(f)...)
	default:
		return false
	}
	return true
}

func (p *parser) parameter(e entry) Parameter {
	field := e.path
	out := Parameter{Name: e.key, Type: "String"}
	if reason := badStoredName(e.key); reason != "" {
		p.fail(e.name, field, "%s", reason)
	}
	if e.value.Kind != yaml.MappingNode {
		out.Versions = []ParameterVersion{{Value: p.text(e.value, field)}}
		return out
	}
	var single ParameterVersion
	var given, history bool
	fields := p.mapping(e.value, field)
	if i := slices.IndexFunc(fields, func(f entry) bool { return f.key == "type" }); i >= 0 {
		out.Type = p.oneOf(fields[i], "String", "StringList", "SecureString") // decides how a value is read
	}
	for _, f := range fields {
		switch f.key {
		case "type":
		case "tier":
			out.Tier = p.oneOf(f, "Standard", "Advanced")
		case "data_type":
			out.DataType = p.text(f.value, f.path)
		case "value", "labels", "modified":
			given = given || f.key == "value"
			p.versionField(&single, f, out.Type)
		case "versions":
			history = true
			out.Versions = p.parameterVersions(f, out.Type)
		default:
			p.unknown(f, "type, value, labels, modified, versions, tier, data_type")
		}
	}
	switch {
	case given && history:
		p.fail(e.name, field, "has both value and versions; use one")
	case history:
	case !given:
		p.fail(e.name, field, "has no value")
	default:
		out.Versions = []ParameterVersion{single}
	}
	p.uniqueLabels(e, field, out)
	return out
}

func (p *parser) parameterVersions(f entry, kind string) []ParameterVersion {
	var out []ParameterVersion
	for i, n := range p.sequence(f.value, f.path) {
		path := fmt.Sprintf("%s[%d]", f.path, i)
		if n.Kind != yaml.MappingNode {
			out = append(out, ParameterVersion{Value: p.value(n, path, kind)})
			continue
		}
		var v ParameterVersion
		given := false
		for _, vf := range p.mapping(n, path) {
			switch vf.key {
			case "value", "labels", "modified":
				given = given || vf.key == "value"
				p.versionField(&v, vf, kind)
			default:
				p.unknown(vf, "value, labels, modified")
			}
		}
		if !given {
			p.fail(n, path, "has no value")
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		p.fail(f.name, f.path, "lists no version")
	}
	return out
}

func (p *parser) versionField(v *ParameterVersion, f entry, kind string) {
	switch f.key {
	case "value":
		v.Value = p.value(f.value, f.path, kind)
	case "labels":
		v.Labels = p.texts(f.value, f.path)
	case "modified":
		v.Modified = p.time(f.value, f.path)
	}
}

// value reads a parameter's value: a sequence is a StringList's items, any
// other collection is written as JSON.
func (p *parser) value(n *yaml.Node, path, kind string) string {
	if kind != "StringList" || n.Kind != yaml.SequenceNode {
		return p.text(n, path)
	}
	items := p.texts(n, path)
	for _, item := range items {
		if strings.Contains(item, ",") {
			p.fail(n, path, "item %q has a comma, which separates the items of a StringList", item)
		}
	}
	return strings.Join(items, ",")
}

// badLabel: (Working with parameter labels, Systems Manager user guide)
func badLabel(label string) bool {
	lower := strings.ToLower(label)
	return label == "" || len(label) > 100 || strings.IndexFunc(label, func(c rune) bool { return !nameRune(c) }) >= 0 ||
		label[0] >= '0' && label[0] <= '9' || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm")
}

func (p *parser) uniqueLabels(e entry, field string, out Parameter) {
	seen := map[string]bool{}
	for _, v := range out.Versions {
		for _, label := range v.Labels {
			if seen[label] {
				p.fail(e.name, field, "label %q is on two versions", label)
			}
			if badLabel(label) {
				p.fail(e.name, field, "label %q: a label has up to 100 letters, digits and .-_ and begins with neither a digit nor aws nor ssm", label)
			}
			seen[label] = true
		}
	}
}

func (p *parser) time(n *yaml.Node, path string) time.Time {
	text := p.text(n, path)
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	p.fail(n, path, "%q is not a date such as 2026-01-02 or 2026-01-02T15:04:05Z", text)
	return time.Time{}
}
