package awsemu

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// configuration reads APPLICATION/ENVIRONMENT/PROFILE: {…}. The short form is
// a text or a list; content that is a mapping goes under value.
func (p *parser) configuration(e entry) Configuration {
	out := Configuration{Name: e.key}
	if parts := strings.Split(e.key, "/"); len(parts) != 3 || slices.Contains(parts, "") {
		p.fail(e.name, e.path, "is not APPLICATION/ENVIRONMENT/PROFILE")
	} else if len(parts[0]) > 64 || len(parts[1]) > 64 || len(parts[2]) > 128 {
		p.fail(e.name, e.path, "is too long: an application and an environment have up to 64 characters, a profile 128")
	}
	if e.value.Kind != yaml.MappingNode {
		out.Versions = []ConfigurationVersion{{Content: []byte(p.text(e.value, e.path))}}
		return out
	}
	var single ConfigurationVersion
	var given, history bool
	for _, f := range p.mapping(e.value, e.path) {
		switch f.key {
		case "poll_interval":
			out.PollInterval = p.duration(f)
		case "versions":
			history = true
			out.Versions = p.configurationVersions(f)
		case "value", "binary", "content_type", "label":
			given = given || f.key == "value" || f.key == "binary"
			p.configurationField(&single, f)
		default:
			p.unknown(f, "value, binary, content_type, label, versions, poll_interval")
		}
	}
	switch {
	case given && history:
		p.fail(e.name, e.path, "has both a value and versions; use one")
	case history:
	case !given:
		p.fail(e.name, e.path, "has no value and no binary")
	default:
		out.Versions = []ConfigurationVersion{single}
	}
	return out
}

func (p *parser) configurationVersions(f entry) []ConfigurationVersion {
	var out []ConfigurationVersion
	for i, n := range p.sequence(f.value, f.path) {
		path := fmt.Sprintf("%s[%d]", f.path, i)
		var v ConfigurationVersion
		given := false
		for _, vf := range p.mapping(n, path) {
			switch vf.key {
			case "value", "binary", "content_type", "label":
				given = given || vf.key == "value" || vf.key == "binary"
				p.configurationField(&v, vf)
			default:
				p.unknown(vf, "value, binary, content_type, label")
			}
		}
		if !given {
			p.fail(n, path, "has no value and no binary")
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		p.fail(f.name, f.path, "lists no version")
	}
	return out
}

func (p *parser) configurationField(v *ConfigurationVersion, f entry) {
	switch f.key {
	case "value":
		v.Content = []byte(p.text(f.value, f.path))
	case "binary":
		v.Content = p.binary(f.value, f.path)
		if v.ContentType == "" {
			v.ContentType = "application/octet-stream"
		}
	case "content_type":
		v.ContentType = p.text(f.value, f.path)
	case "label":
		v.Label = p.text(f.value, f.path)
	}
}

func (p *parser) duration(f entry) time.Duration {
	text := p.text(f.value, f.path)
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		p.fail(f.value, f.path, "%q is not a duration of at least 1s, such as 60s", text)
	}
	return d
}

// role reads ARN: {…}. Sections of its own make the role one of another
// account; without them it sees what everybody sees.
func (p *parser) role(e entry) Role {
	out := Role{ARN: e.key}
	if parts := strings.SplitN(e.key, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		p.fail(e.name, e.path, "is not the ARN of an IAM role")
	}
	var own Data
	for _, f := range p.mapping(e.value, e.path) {
		switch {
		case f.key == "denied":
			out.Denied = p.oneOf(f, "true", "false") == "true"
		case p.section(&own, f):
			out.Data = &own
		default:
			p.unknown(f, "denied, parameters, secrets, tables, appconfig, event_source_mappings")
		}
	}
	return out
}
