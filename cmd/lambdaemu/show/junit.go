package show

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"

	"powertools-extension/internal/eventsource"
)

// JUnitView passes everything on to another reporter and writes a JUnit file at
// the end: one test case per invocation, one for the shutdown.
type JUnitView struct {
	Reporter
	file  string
	suite JUnitSuite
	err   error // of the file
}

// JUnitSuite is the file: a test suite in the form that CI systems read.
type JUnitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"` // seconds
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"` // seconds
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// NewJUnitView finds out now, not after a long run, that the file cannot be
// written.
func NewJUnitView(view Reporter, file, function string) (*JUnitView, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return &JUnitView{Reporter: view, file: file, suite: JUnitSuite{Name: "lambdaemu " + function}}, f.Close()
}

// FileError is what kept the file from being written at the end.
func (v *JUnitView) FileError() error { return v.err }

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// Invocation adds a test case.
func (v *JUnitView) Invocation(o Outcome) {
	v.Reporter.Invocation(o)
	start := "warm"
	if o.Response.ColdStart {
		start = "cold start"
	}
	c := junitCase{Class: "invocation", Name: fmt.Sprintf("#%d %s %s", o.Number, start, xmlText(shorten(compact(o.Event), 60))), Time: seconds(o.Response.Duration)}
	if !o.ok() {
		c.Failure = &junitFailure{Type: xmlText(o.Status()), Message: xmlText(failureMessage(o)), Text: xmlText(logText(o))}
	}
	v.add(c)
}

func (v *JUnitView) add(c junitCase) {
	if len(v.suite.Cases) < maxRows {
		v.suite.Cases = append(v.suite.Cases, c)
	}
	v.suite.Tests++
	if c.Failure != nil {
		v.suite.Failures++
	}
}

func failureMessage(o Outcome) string {
	if o.Err != nil {
		return o.Err.Error()
	}
	rec, _ := parseRecord(string(o.Response.Payload))
	if _, message := rec.first("errorMessage"); message != "" {
		return message
	}
	return string(o.Response.Payload)
}

// logText is what was printed during the invocation.
func logText(o Outcome) string {
	var b strings.Builder
	for _, line := range o.Lines {
		fmt.Fprintf(&b, "%s %s\n", line.Origin, line.Text)
	}
	return b.String()
}

// xmlText leaves out what XML cannot hold, even escaped.
func xmlText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// End adds the shutdown as a test case and writes the file.
func (v *JUnitView) End(e Ending) {
	v.Reporter.End(e)
	c := junitCase{Class: "environment", Name: "shutdown", Time: seconds(e.Exit.Duration)}
	if !e.Clean() {
		c.Failure = &junitFailure{Type: "shutdown", Message: "not clean", Text: xmlText(exitText(e))}
	}
	v.add(c)
	if e.Ledger != nil {
		for _, r := range e.Ledger.Records {
			v.add(junitMessage(r))
		}
	}
	v.suite.Time = seconds(e.Took)
	body, err := xml.MarshalIndent(v.suite, "", "  ")
	if err == nil {
		err = os.WriteFile(v.file, append([]byte(xml.Header), append(body, '\n')...), 0o644)
	}
	v.err = err
}

// junitMessage is one message of the event source as a test case.
func junitMessage(r eventsource.Record) junitCase {
	c := junitCase{Class: "message", Name: xmlText(r.Label()), Time: seconds(0)}
	if r.End != eventsource.Done {
		c.Failure = &junitFailure{Type: string(r.End), Message: endText(r.End), Text: fmt.Sprintf("tried %s", Plural(r.Tries, "time", "times"))}
	}
	return c
}

func exitText(e Ending) string {
	text := ErrorText(e.Err)
	for _, x := range e.Exit.Extensions {
		text += fmt.Sprintf("\nextension %s: exit %d, killed %t, after %s", x.Name, x.Code, x.Killed, Span(x.After))
	}
	return strings.TrimPrefix(text, "\n")
}
