package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"powertools-extension/internal/app"
	"powertools-extension/internal/config"
)

// outside is said when the process is started by somebody else than Lambda.
const outside = "powertools-extension runs inside AWS Lambda, which starts it from a layer: AWS_LAMBDA_RUNTIME_API is not set; to run it here: lambdaemu --extension PATH/OF/powertools-extension -- COMMAND OF THE FUNCTION"

const usage = `powertools-extension: an AWS Lambda extension that gives functions in any language
enriched logs, CloudWatch metrics and cached parameters over HTTP on 127.0.0.1.

Lambda starts it without arguments, from /opt/extensions of a layer. On this machine lambdaemu does:
  lambdaemu --extension PATH/OF/powertools-extension -- COMMAND OF THE FUNCTION

  -config    print the configuration that the environment makes, where each value comes from, and what is wrong
  -version   print the version
  -help      print this
`

// answer serves a person. It returns the exit code: 2 for words that it does
// not know.
func answer(words, environ []string, stdout, stderr io.Writer) int {
	word := strings.TrimLeft(words[0], "-")
	if len(words) > 1 {
		word = "" // one question at a time
	}
	switch word {
	case "version":
		fmt.Fprintln(stdout, version) // a line of its own, for scripts
		fmt.Fprintln(stdout, "powertools-extension, an AWS Lambda extension that Lambda starts from a layer; -help says more")
	case "config":
		printConfig(stdout, environ)
	case "help", "h":
		fmt.Fprint(stdout, usage)
	default:
		fmt.Fprintf(stderr, "powertools-extension: unknown arguments %q\n\n%s", words, usage)
		return 2
	}
	return 0
}

// printConfig shows every variable, what is used, and where it came from.
func printConfig(w io.Writer, environ []string) {
	dump := app.Effective(environ)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range dump.Settings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
	}
	_ = table.Flush() // a person's terminal; nothing to do about it
	for _, p := range dump.Problems {
		fmt.Fprintln(w, "warning:", p)
	}
}

// chosen lists what is not the default, for one line at DEBUG.
func chosen(environ []string) (settings []string) {
	for _, s := range config.Effective(environ).Settings {
		if s.Source != "default" {
			settings = append(settings, s.Name+"="+s.Value)
		}
	}
	return settings
}
