package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// packed is one zip of dist/.
type packed struct {
	arch, name, path string // "arm64", the layer's name, where the zip lies
	sum              [sha256.Size]byte
}

func (z packed) codeSHA256() string { return base64.StdEncoding.EncodeToString(z.sum[:]) }

func read(o options) ([]packed, error) {
	var zips []packed
	for _, arch := range []string{"arm64", "x86_64"} {
		z := packed{arch: arch, name: o.name + "-" + arch, path: filepath.Join(o.dist, "powertools-extension-"+arch+".zip")}
		text, err := os.ReadFile(z.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s: make layer", z.path)
		}
		if err != nil {
			return nil, err
		}
		z.sum = sha256.Sum256(text)
		zips = append(zips, z)
	}
	return zips, nil
}

// place is one layer in one region.
type place struct {
	region string
	layer  packed
	newest int // version there, 0 if there is none
}

// plan is what there is and the number that all places get.
type plan struct {
	options
	places []place
	number int
}

// look asks every region what it has. The number is the next of the place that
// is furthest.
func look(ctx context.Context, o options, zips []packed) (plan, error) {
	p := plan{options: o}
	for _, region := range o.regions {
		for _, z := range zips {
			var list struct{ LayerVersions []struct{ Version int } }
			if err := o.cli.Run(ctx, region, &list, "lambda", "list-layer-versions", "--layer-name", z.name); err != nil {
				return plan{}, err
			}
			at := place{region: region, layer: z}
			for _, v := range list.LayerVersions {
				at.newest = max(at.newest, v.Version)
			}
			p.number = max(p.number, at.newest+1)
			p.places = append(p.places, at)
		}
	}
	return p, nil
}

// text says what publish will do, a line for each place.
func (p plan) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s as version %d in %d regions, %s:\n\n", p.version, p.number, len(p.regions), p.audience())
	for _, at := range p.places {
		fmt.Fprintf(&b, "  %-16s %s:%d", at.region, at.layer.name, p.number)
		if behind := p.number - at.newest - 1; behind > 0 {
			fmt.Fprintf(&b, "  (published %d times: the newest there is %d)", behind+1, at.newest)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (p plan) audience() string {
	if p.public {
		return "for every AWS account"
	}
	return "for this account alone"
}

// publish does what text says, and reads each version back.
func (p plan) publish(ctx context.Context, out io.Writer) (release, error) {
	done := release{Version: p.version, Layers: map[string]*published{}}
	for _, at := range p.places {
		arn, err := p.publishAt(ctx, at)
		if err != nil {
			return release{}, fmt.Errorf("%s in %s: %w", at.layer.name, at.region, err)
		}
		done.add(at, arn)
		fmt.Fprintf(out, "  %s\n", arn)
	}
	return done, nil
}

func (p plan) publishAt(ctx context.Context, at place) (arn string, err error) {
	var extra []int // versions on the way to the number
	for {
		var v struct {
			LayerVersionArn string
			Version         int
			Content         struct{ CodeSha256 string }
		}
		err := p.cli.Run(ctx, at.region, &v, "lambda", "publish-layer-version", "--layer-name", at.layer.name,
			"--description", "Powertools extension "+p.version, "--license-info", "Apache-2.0",
			"--compatible-architectures", at.layer.arch, "--zip-file", "fileb://"+at.layer.path)
		switch {
		case err != nil:
			return "", err
		case v.Content.CodeSha256 != at.layer.codeSHA256():
			return "", fmt.Errorf("version %d has the sum %s, the zip %s: delete the version, and publish again", v.Version, v.Content.CodeSha256, at.layer.codeSHA256())
		case v.Version > p.number:
			return "", fmt.Errorf("it became version %d, not %d, because versions were deleted there: delete it, and publish again: the next try takes the higher number everywhere", v.Version, p.number)
		case v.Version < p.number:
			extra = append(extra, v.Version)
			continue
		}
		arn = v.LayerVersionArn
		break
	}
	for _, version := range extra {
		if err := p.cli.Run(ctx, at.region, nil, "lambda", "delete-layer-version", "--layer-name", at.layer.name, "--version-number", fmt.Sprint(version)); err != nil {
			return "", err
		}
	}
	if p.public {
		if err := p.cli.Run(ctx, at.region, nil, "lambda", "add-layer-version-permission", "--layer-name", at.layer.name, "--version-number", fmt.Sprint(p.number),
			"--statement-id", "everybody", "--principal", "*", "--action", "lambda:GetLayerVersion"); err != nil {
			return "", err
		}
	}
	return arn, nil
}
