package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"
)

// junitView passes everything on to another reporter and writes a JUnit file at
// the end: one test case per invocation, one for the shutdown.
type junitView struct {
	reporter
	file  string
	suite junitSuite
	err   error // of the file
}

type junitSuite struct {
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

// prepareJUnit finds out now, not after a long run, that the file cannot be
// written.
func (s *session) prepareJUnit() error {
	if s.set.junit == "" {
		return nil
	}
	f, err := os.Create(s.set.junit)
	if err != nil {
		return usageError{err}
	}
	s.view = &junitView{reporter: s.view, file: s.set.junit, suite: junitSuite{Name: "lambdaemu " + s.functionName()}}
	return f.Close()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func (v *junitView) invocation(o outcome) {
	v.reporter.invocation(o)
	start := "warm"
	if o.response.ColdStart {
		start = "cold start"
	}
	c := junitCase{Class: "invocation", Name: fmt.Sprintf("#%d %s %s", o.number, start, xmlText(shorten(compact(o.event), 60))), Time: seconds(o.response.Duration)}
	if !o.ok() {
		c.Failure = &junitFailure{Type: xmlText(o.status()), Message: xmlText(failureMessage(o)), Text: xmlText(logText(o))}
	}
	v.add(c)
}

func (v *junitView) add(c junitCase) {
	if len(v.suite.Cases) < maxRows {
		v.suite.Cases = append(v.suite.Cases, c)
	}
	v.suite.Tests++
	if c.Failure != nil {
		v.suite.Failures++
	}
}

func failureMessage(o outcome) string {
	if o.err != nil {
		return o.err.Error()
	}
	rec, _ := parseRecord(string(o.response.Payload))
	if _, message := rec.first("errorMessage"); message != "" {
		return message
	}
	return string(o.response.Payload)
}

// logText is what was printed during the invocation.
func logText(o outcome) string {
	var b strings.Builder
	for _, line := range o.lines {
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

func (v *junitView) end(e ending) {
	v.reporter.end(e)
	c := junitCase{Class: "environment", Name: "shutdown", Time: seconds(e.exit.Duration)}
	if !e.clean() {
		c.Failure = &junitFailure{Type: "shutdown", Message: "not clean", Text: xmlText(exitText(e))}
	}
	v.add(c)
	v.suite.Time = seconds(e.took)
	body, err := xml.MarshalIndent(v.suite, "", "  ")
	if err == nil {
		err = os.WriteFile(v.file, append([]byte(xml.Header), append(body, '\n')...), 0o644)
	}
	v.err = err
}

func exitText(e ending) string {
	text := errorText(e.err)
	for _, x := range e.exit.Extensions {
		text += fmt.Sprintf("\nextension %s: exit %d, killed %t, after %s", x.Name, x.Code, x.Killed, span(x.After))
	}
	return strings.TrimPrefix(text, "\n")
}
