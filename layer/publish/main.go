// Command publish puts the layer zips of dist/ into AWS regions with the aws
// CLI, under one version number everywhere, and writes dist/layers.json.
//
//	go run ./layer/publish -version v0.1.0 -regions eu-north-1,us-east-1        says what it would do
//	go run ./layer/publish -version v0.1.0 -regions eu-north-1,us-east-1 -do    does it
//
// Lambda counts the versions of each layer in each region by itself. Users want
// one number, so where a region is behind, the same zip is published until the
// number is reached, and the versions before it are deleted again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"powertools-extension/layer/awscli"
)

// options are what the command line says.
type options struct {
	version string   // semantic version of the release
	regions []string // of AWS
	name    string   // of the layers; the architecture is added
	dist    string   // folder of the zips
	public  bool     // every account may use the layers
	do      bool     // otherwise nothing is changed
	cli     awscli.CLI
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("publish: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	regions := flags.String("regions", "", "AWS regions, comma separated")
	cli := flags.String("aws", "aws", "the aws command")
	flags.StringVar(&o.version, "version", "", "version of the release, as in v0.1.0")
	flags.StringVar(&o.name, "name", "powertools-extension", "name of the layers; -arm64 or -x86_64 is added")
	flags.StringVar(&o.dist, "dist", "dist", "folder of the zips")
	flags.BoolVar(&o.public, "public", false, "let every AWS account use the layers")
	flags.BoolVar(&o.do, "do", false, "publish; without it nothing is changed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for region := range strings.SplitSeq(*regions, ",") {
		if region = strings.TrimSpace(region); region != "" {
			o.regions = append(o.regions, region)
		}
	}
	switch {
	case len(o.regions) == 0:
		return errors.New("no region: make publish REGION=eu-north-1,us-east-1")
	case o.version == "":
		return errors.New("no version: -version v0.1.0")
	}
	var err error
	if o.cli, err = awscli.Parse(*cli); err != nil {
		return err
	}
	zips, err := read(o)
	if err != nil {
		return err
	}
	p, err := look(ctx, o, zips)
	if err != nil {
		return err
	}
	fmt.Fprint(out, p.text())
	if !o.do {
		fmt.Fprintln(out, "\nNothing was changed. To do it: make publish REGION="+strings.Join(o.regions, ",")+" DO=1")
		return nil
	}
	done, err := p.publish(ctx, out)
	if err != nil {
		return err
	}
	path := filepath.Join(o.dist, "layers.json")
	if err := done.write(path); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\nwrote %s\n", done.table(), path)
	return nil
}
