package awsemu

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of RequiredMinimumPollIntervalInSeconds and the interval clients are
// told by default. (StartConfigurationSession, AppConfig Data API reference)
const (
	pollIntervalMin     = 15
	pollIntervalMax     = 86400
	pollIntervalDefault = time.Minute
	pollTokenLife       = 24 * time.Hour
)

// pollToken is what a configuration token stands for. It carries everything
// itself, so that a call sent twice is answered twice, as by the service.
type pollToken struct {
	Name    string // APPLICATION/ENVIRONMENT/PROFILE
	Seen    int    // versions the client has, counted from 1; 0: none
	Age     int    // of the server when it was given out
	Issued  int64  // Unix milliseconds
	Minimum int64  // the session's own poll interval in seconds; 0: none
	First   bool   // it came from StartConfigurationSession
}

func (t pollToken) String() string {
	text, _ := json.Marshal(t)                                                    // numbers and a string always encode
	return base64.StdEncoding.EncodeToString(append([]byte("\xfb\xff"), text...)) // with + and /, as the real ones
}

func parsePollToken(text string) (pollToken, bool) {
	raw, err := base64.StdEncoding.DecodeString(text)
	body, ok := bytes.CutPrefix(raw, []byte("\xfb\xff"))
	var t pollToken
	return t, err == nil && ok && json.Unmarshal(body, &t) == nil
}

type startConfigurationInput struct {
	ApplicationIdentifier                string
	EnvironmentIdentifier                string
	ConfigurationProfileIdentifier       string
	RequiredMinimumPollIntervalInSeconds *int64
}

func (in startConfigurationInput) name() string {
	return in.ApplicationIdentifier + "/" + in.EnvironmentIdentifier + "/" + in.ConfigurationProfileIdentifier
}

func (s *Server) startConfigurationSession(r *request) (any, error) {
	var in startConfigurationInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	t := pollToken{Name: in.name(), Issued: time.Now().UnixMilli(), First: true}
	if in.RequiredMinimumPollIntervalInSeconds != nil {
		t.Minimum = *in.RequiredMinimumPollIntervalInSeconds
		if t.Minimum < pollIntervalMin || t.Minimum > pollIntervalMax {
			return nil, &apiError{status: http.StatusBadRequest, code: "BadRequestException", capital: true,
				message: fmt.Sprintf("RequiredMinimumPollIntervalInSeconds must be between %d and %d", pollIntervalMin, pollIntervalMax)}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind := s.missingConfigurationLocked(in); kind != "" {
		return nil, &apiError{status: http.StatusNotFound, code: "ResourceNotFoundException", message: kind + " not found", capital: true,
			more: map[string]any{"ResourceType": kind, "ReferencedBy": map[string]string{}}}
	}
	t.Age = s.tokenAge
	body, err := json.Marshal(struct{ InitialConfigurationToken string }{t.String()})
	return &rawAnswer{status: http.StatusCreated, header: map[string]string{"Content-Type": "application/json"}, body: body}, err
}

// missingConfigurationLocked names the kind of resource that is not there, ""
// when all are.
func (s *Server) missingConfigurationLocked(in startConfigurationInput) string {
	if s.configurations[in.name()] != nil {
		return ""
	}
	kind := "Application"
	for name := range s.configurations {
		rest, ok := strings.CutPrefix(name, in.ApplicationIdentifier+"/")
		if ok && kind == "Application" {
			kind = "Environment"
		}
		if ok && strings.HasPrefix(rest, in.EnvironmentIdentifier+"/") {
			kind = "ConfigurationProfile"
		}
	}
	return kind
}

func (s *Server) getLatestConfiguration(r *request) (any, error) {
	t, ok := parsePollToken(r.query.Get("configuration_token"))
	if !ok {
		return nil, badToken("Corrupted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, now := s.configurations[t.Name], time.Now()
	issued := time.UnixMilli(t.Issued)
	switch {
	case c == nil:
		return nil, badToken("Corrupted")
	case t.Age != s.tokenAge || now.Sub(issued) > pollTokenLife:
		return nil, badToken("Expired")
	case !t.First && now.Sub(issued) < time.Duration(t.Minimum)*time.Second:
		return nil, badToken("PollIntervalNotSatisfied")
	}
	unchanged := t.Seen == len(c.Versions)
	t.Seen, t.Age, t.Issued, t.First = len(c.Versions), s.tokenAge, now.UnixMilli(), false
	interval := max(int64(c.PollInterval/time.Second), t.Minimum)
	answer := &rawAnswer{status: http.StatusOK, header: map[string]string{
		"Next-Poll-Configuration-Token": t.String(),
		"Next-Poll-Interval-In-Seconds": strconv.FormatInt(interval, 10),
	}}
	if !unchanged {
		v := c.Versions[len(c.Versions)-1]
		answer.body = v.Content
		answer.header["Content-Type"] = v.ContentType
		if v.Label != "" {
			answer.header["Version-Label"] = v.Label
		}
	}
	return answer, nil
}

// badToken is the refusal of a poll token. (GetLatestConfiguration, AppConfig
// Data API reference: BadRequestDetails)
func badToken(problem string) error {
	message := map[string]string{"Corrupted": "Request token is corrupted", "Expired": "Request token is expired", "PollIntervalNotSatisfied": "Request too early"}[problem]
	return &apiError{status: http.StatusBadRequest, code: "BadRequestException", message: message, capital: true, more: map[string]any{
		"Reason":  "InvalidParameters",
		"Details": map[string]any{"InvalidParameters": map[string]any{"ConfigurationToken": map[string]string{"Problem": problem}}},
	}}
}

// configurationName is what an AppConfig Data call is about.
func (r *request) configurationName() string {
	if r.operation == "GetLatestConfiguration" {
		t, _ := parsePollToken(r.query.Get("configuration_token"))
		return t.Name
	}
	var in startConfigurationInput
	if json.Unmarshal(r.body, &in) != nil {
		return ""
	}
	return in.name()
}

// Deploy makes v the deployed version of a configuration. An unknown name
// makes a new one.
func (s *Server) Deploy(name string, v ConfigurationVersion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.configurations[name]
	if c == nil {
		c = ownConfiguration(Configuration{Name: name})
		s.configurations[name] = c
	}
	c.Versions = append(c.Versions, v.own())
}

// ownConfiguration copies c and fills its defaults.
func ownConfiguration(c Configuration) *Configuration {
	c.Versions = slices.Clone(c.Versions)
	for i, v := range c.Versions {
		c.Versions[i] = v.own()
	}
	if c.PollInterval == 0 {
		c.PollInterval = pollIntervalDefault
	}
	return &c
}

func (v ConfigurationVersion) own() ConfigurationVersion {
	v.Content = bytes.Clone(v.Content)
	if v.ContentType == "" {
		v.ContentType = "text/plain"
		if trimmed := bytes.TrimSpace(v.Content); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
			v.ContentType = "application/json"
		}
	}
	return v
}
