package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// DestinationKind is a way out for lines.
type DestinationKind string

// The kinds of destinations.
const (
	Stdout     DestinationKind = "stdout"
	CloudWatch DestinationKind = "cloudwatch"
	Firehose   DestinationKind = "firehose"
	HTTP       DestinationKind = "http"
	OTLP       DestinationKind = "otlp"
)

// Destination is one entry of POWERTOOLS_LOGS_DESTINATION. Fields that do not
// belong to its kind are empty.
type Destination struct {
	Kind   DestinationKind
	Group  string // CloudWatch: log group
	Stream string // CloudWatch: log stream, empty: one for each sandbox. Firehose: delivery stream
	URL    string // HTTP and OTLP: http:// or https://, never with a password
}

// Remote reports whether lines leave the sandbox over a network.
func (d Destination) Remote() bool { return d.Kind != Stdout }

// String is the entry as a user would write it, for logs and the effective
// configuration. Of a URL only the host is shown: some receivers have their
// key in the query, others in the path.
func (d Destination) String() string {
	switch d.Kind {
	case CloudWatch:
		if d.Stream == "" {
			return "cloudwatch:" + d.Group
		}
		return "cloudwatch:" + d.Group + ":" + d.Stream
	case Firehose:
		return "firehose:" + d.Stream
	case HTTP:
		return host(d.URL)
	case OTLP:
		return "otlp+" + host(d.URL)
	}
	return string(d.Kind)
}

// host cuts a URL behind its host.
func host(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 || rest[end:] == "/" {
		return address
	}
	return scheme + "://" + rest[:end] + "/…"
}

// destinationForm is one row of the table of destinations: how an entry
// begins, and how the rest of it is read.
type destinationForm struct {
	prefix string
	form   string // for the reference page and for messages
	parse  func(rest string) (Destination, error)
}

// destinationForms is the table. Longer prefixes stand before shorter ones.
func destinationForms() []destinationForm {
	return []destinationForm{
		{"cloudwatch:", "cloudwatch:GROUP[:STREAM]", parseCloudWatch},
		{"firehose:", "firehose:STREAM", parseFirehose},
		{"otlp+https://", "otlp+http(s)://HOST/PATH", func(rest string) (Destination, error) { return parseURL(OTLP, "https://", rest, logHeaders) }},
		{"otlp+http://", "", func(rest string) (Destination, error) { return parseURL(OTLP, "http://", rest, logHeaders) }},
		{"https://", "http(s)://HOST/PATH", func(rest string) (Destination, error) { return parseURL(HTTP, "https://", rest, logHeaders) }},
		{"http://", "", func(rest string) (Destination, error) { return parseURL(HTTP, "http://", rest, logHeaders) }},
	}
}

// parseDestination reads one entry that is neither empty nor none.
func parseDestination(entry string) (Destination, error) {
	if strings.EqualFold(entry, string(Stdout)) {
		return Destination{Kind: Stdout}, nil
	}
	for _, f := range destinationForms() {
		if len(entry) >= len(f.prefix) && strings.EqualFold(entry[:len(f.prefix)], f.prefix) {
			return f.parse(entry[len(f.prefix):])
		}
	}
	return Destination{}, errors.New("not one of " + destinationWords())
}

func destinationWords() string {
	words := []string{"none", string(Stdout)}
	for _, f := range destinationForms() {
		if f.form != "" {
			words = append(words, f.form)
		}
	}
	return strings.Join(words, ", ")
}

// parseCloudWatch: names of groups hold slashes but neither they nor names of
// streams hold colons, so a colon parts the two (CloudWatch Logs API
// reference, CreateLogGroup and CreateLogStream).
func parseCloudWatch(rest string) (Destination, error) {
	group, stream, named := strings.Cut(rest, ":")
	const groupChars = letters + digits + "_-/.#"
	switch {
	case group == "" || len(group) > 512 || !only(group, groupChars):
		return Destination{}, errors.New("the log group must be 1 to 512 of letters, digits and `_-/.#`")
	case named && (stream == "" || len(stream) > 512 || strings.ContainsAny(stream, ":*") || !isDimension(stream, 512)):
		return Destination{}, errors.New("the log stream must be 1 to 512 printable characters without `:` and `*`")
	}
	return Destination{Kind: CloudWatch, Group: group, Stream: stream}, nil
}

// parseFirehose: Amazon Data Firehose API reference, DeliveryStreamName.
func parseFirehose(rest string) (Destination, error) {
	if rest == "" || len(rest) > 64 || !only(rest, letters+digits+"_.-") {
		return Destination{}, errors.New("the delivery stream must be 1 to 64 of letters, digits and `_.-`")
	}
	return Destination{Kind: Firehose, Stream: rest}, nil
}

const logHeaders = "POWERTOOLS_LOGS_HTTP_HEADERS"

// parseURL names the variable of headers to who writes a password into the URL.
func parseURL(kind DestinationKind, scheme, rest, headersVar string) (Destination, error) {
	u, err := url.Parse(scheme + rest)
	switch {
	case err != nil || u.Hostname() == "": // the error's text would repeat the value
		return Destination{}, errors.New("not a URL with a host")
	case u.User != nil:
		return Destination{}, errors.New("a URL must not carry a user or password: use " + headersVar + " with a secret reference")
	case u.Fragment != "":
		return Destination{}, errors.New("a URL must not carry a fragment (#)")
	}
	return Destination{Kind: kind, URL: u.String()}, nil
}

// destinations is the value of POWERTOOLS_LOGS_DESTINATION.
type destinations struct{ p *[]Destination }

func (v destinations) Set(s string) error { return setDestinations(v.p, s, parseDestination) }

// setDestinations takes what it can use: an entry that is wrong costs that
// entry, and none is no destination.
func setDestinations(p *[]Destination, s string, parse func(entry string) (Destination, error)) error {
	var out []Destination
	var wrong []string
	usable := 0
	for i, entry := range entriesOf(s) {
		if strings.EqualFold(entry, "none") {
			usable++
			continue
		}
		d, err := parse(entry)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("entry %d: %v", i+1, err))
			continue
		case !slices.Contains(out, d):
			out = append(out, d)
		}
		usable++
	}
	if usable > 0 {
		*p = out
	}
	return partial(wrong, usable > 0, "the other entries")
}

func (v destinations) String() string {
	if len(*v.p) == 0 {
		return "none"
	}
	words := make([]string, len(*v.p))
	for i, d := range *v.p {
		words[i] = d.String()
	}
	return strings.Join(words, ",")
}

func (destinations) Type() string { return "comma list of " + destinationWords() }

// entriesOf splits a comma list; blanks around entries and empty entries go.
func entriesOf(s string) []string {
	var entries []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			entries = append(entries, part)
		}
	}
	return entries
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// only reports whether every byte of s is one of chars.
func only(s, chars string) bool {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) < 0 {
			return false
		}
	}
	return true
}

// partialError says which entries of a list cannot be used.
type partialError struct {
	reasons []string
	used    string // what is used instead; empty: nothing of the text was
}

// partial returns nil when nothing is wrong.
func partial(reasons []string, usable bool, used string) error {
	if len(reasons) == 0 {
		return nil
	}
	if !usable {
		used = ""
	}
	return &partialError{reasons, used}
}

func (e *partialError) Error() string { return strings.Join(e.reasons, "; ") }
