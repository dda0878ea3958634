package awsemu

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

func (p *parser) secret(e entry) Secret {
	field := e.path
	out := Secret{Name: e.key}
	if reason := badSecretName(e.key); reason != "" {
		p.fail(e.name, field, "%s", reason)
	}
	if e.value.Kind != yaml.MappingNode {
		v := SecretVersion{Stages: []string{"AWSCURRENT"}}
		p.secretValue(&v, e.value, field)
		out.Versions = []SecretVersion{v}
		return out
	}
	var single SecretVersion
	var given, history bool
	for _, f := range p.mapping(e.value, field) {
		switch f.key {
		case "description":
			out.Description = p.text(f.value, f.path)
		case "versions":
			history = true
			out.Versions = p.secretVersions(f)
		case "value", "binary", "id", "created", "stages":
			given = given || f.key == "value" || f.key == "binary"
			p.secretField(&single, f)
		default:
			p.unknown(f, "value, binary, description, id, created, stages, versions")
		}
	}
	switch {
	case given && history:
		p.fail(e.name, field, "has both a value and versions; use one")
	case history:
	case !given:
		p.fail(e.name, field, "has no value and no binary")
	default:
		out.Versions = []SecretVersion{single}
	}
	p.stages(e, field, out.Versions)
	return out
}

func (p *parser) secretVersions(f entry) []SecretVersion {
	var out []SecretVersion
	for i, n := range p.sequence(f.value, f.path) {
		path := fmt.Sprintf("%s[%d]", f.path, i)
		var v SecretVersion
		if n.Kind != yaml.MappingNode {
			p.secretValue(&v, n, path)
			out = append(out, v)
			continue
		}
		for _, vf := range p.mapping(n, path) {
			switch vf.key {
			case "value", "binary", "id", "created", "stages":
				p.secretField(&v, vf)
			default:
				p.unknown(vf, "value, binary, id, created, stages")
			}
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		p.fail(f.name, f.path, "lists no version")
	}
	return out
}

func (p *parser) secretField(v *SecretVersion, f entry) {
	switch f.key {
	case "value":
		p.secretValue(v, f.value, f.path)
	case "binary":
		v.Binary = p.binary(f.value, f.path)
	case "id":
		v.ID = p.text(f.value, f.path)
		if len(v.ID) < 32 || len(v.ID) > 64 {
			p.fail(f.value, f.path, "is %d characters long; a version id has 32 to 64", len(v.ID))
		}
	case "created":
		v.Created = p.time(f.value, f.path)
	case "stages":
		v.Stages = p.texts(f.value, f.path)
	}
}

func (p *parser) secretValue(v *SecretVersion, n *yaml.Node, path string) {
	if n.ShortTag() == "!!binary" {
		v.Binary = p.binary(n, path)
		return
	}
	v.Text = p.text(n, path)
}

// stages fills the default stages (the last version is current, the one before
// it previous) and checks what the file says itself.
func (p *parser) stages(e entry, field string, versions []SecretVersion) {
	said := slices.ContainsFunc(versions, func(v SecretVersion) bool { return v.Stages != nil })
	if n := len(versions); !said && n > 0 {
		versions[n-1].Stages = []string{"AWSCURRENT"}
		if n > 1 {
			versions[n-2].Stages = []string{"AWSPREVIOUS"}
		}
		return
	}
	seen := map[string]bool{}
	for _, v := range versions {
		for _, stage := range v.Stages {
			if seen[stage] {
				p.fail(e.name, field, "stage %s is on two versions", stage)
			}
			seen[stage] = true
		}
	}
	if len(versions) > 0 && !seen["AWSCURRENT"] {
		p.fail(e.name, field, "no version has the stage AWSCURRENT")
	}
}
