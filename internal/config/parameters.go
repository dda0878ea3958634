package config

import (
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/ref"
)

const allowVar = "POWERTOOLS_PARAMETERS_ALLOW"

// allowList is the allow-list: entries that allow nothing are told, and left
// out. nil is no list; a list without entries allows nothing.
type allowList struct{ p *[]string }

func (v allowList) Set(s string) error {
	if *v.p = nil; s == "" {
		return nil
	}
	usable := []string{}
	var reasons []string
	for i, entry := range entriesOf(s) {
		if err := ref.CheckEntry(entry); err != nil {
			reasons = append(reasons, "entry "+strconv.Itoa(i+1)+" "+err.Error())
			continue
		}
		usable = append(usable, entry)
	}
	*v.p = usable
	used := strings.Join(usable, ",")
	if used == "" {
		if used = nothingAllowed; reasons == nil {
			reasons = []string{"no entry"}
		}
	}
	return partial(reasons, true, used)
}
func (v allowList) String() string {
	if *v.p != nil && len(*v.p) == 0 {
		return nothingAllowed
	}
	return strings.Join(*v.p, ",")
}
func (allowList) Type() string { return "comma list" }

const nothingAllowed = "(nothing may be read)"

// defaultPoll is how often the AppConfig agent polls. Page "Using AWS AppConfig
// Agent with AWS Lambda", AppConfig User Guide.
const defaultPoll = 45 * time.Second

// settleParameters applies the rules between the variables of the cache.
func (s *state) settleParameters() {
	c := &s.config
	if _, present := s.env[allowVar]; present && !s.isSet(allowVar) {
		// Blank counts as not set elsewhere. Here that would open what somebody
		// meant to close.
		c.ParametersAllow = []string{}
		s.problems = append(s.problems, Problem{allowVar, "set, but empty; unset it to allow everything", nothingAllowed})
	}
	if c.SSMMaxAge < 0 {
		c.SSMMaxAge = c.MaxAge
	}
	if c.SecretsMaxAge < 0 {
		c.SecretsMaxAge = c.MaxAge
	}
	if c.AppConfigMaxAge < 0 {
		if c.AppConfigMaxAge = defaultPoll; s.sourceOf("POWERTOOLS_PARAMETERS_MAX_AGE") != "default" {
			c.AppConfigMaxAge = c.MaxAge
		}
	}
	if !c.CacheEnabled {
		c.CacheItems = 0 // a request's own max_age must not store either
	}
	if c.CacheItems == 0 {
		c.MaxAge, c.SSMMaxAge, c.SecretsMaxAge, c.AppConfigMaxAge, c.StaleIfError = 0, 0, 0, 0, 0
	}
	for _, v := range unsupported() {
		if s.isSet(v.name) {
			s.problems = append(s.problems, Problem{Var: v.name, Reason: "not supported: " + v.instead})
		}
	}
}

// sourceOf is who set the variable.
func (s *state) sourceOf(name string) string {
	for i, v := range s.vars {
		if v.Name == name {
			return s.sources[i]
		}
	}
	return ""
}

// instead is a variable of an extension we stand in for that has no effect
// here, and what has.
type instead struct{ name, instead string }

// unsupported are the variables of the AppConfig agent that are known and have
// no effect. Page "Configuring AWS AppConfig Agent for Lambda", AppConfig User
// Guide.
func unsupported() []instead {
	const agent = "AWS_APPCONFIG_EXTENSION_"
	return []instead{
		{agent + "LOG_LEVEL", "set POWERTOOLS_EXTENSION_LOG_LEVEL"},
		{agent + "MAX_CONNECTIONS", "set PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS"},
		{agent + "PROXY_URL", "set HTTPS_PROXY"},
		{agent + "PROXY_HEADERS", "the proxy gets no headers of yours"},
		{agent + "ROLE_ARN", "the function's role is used; GET /parameters/appconfig takes ?role_arn="},
		{agent + "ROLE_EXTERNAL_ID", "roles are assumed without an external id"},
		{agent + "ROLE_SESSION_NAME", "sessions are named powertools-extension"},
		{agent + "SERVICE_REGION", "the function's region is used; GET /parameters/appconfig takes ?region="},
		{agent + "SERVICE_ENDPOINT", "set AWS_ENDPOINT_URL_APPCONFIGDATA"},
		{agent + "MANIFEST", "set AWS_APPCONFIG_EXTENSION_PREFETCH_LIST or POWERTOOLS_PARAMETERS_PREFETCH"},
		{agent + "WAIT_ON_MANIFEST", "set POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT"},
		{agent + "LOCAL_DEVELOPMENT_DIRECTORY", "set AWS_ENDPOINT_URL_APPCONFIGDATA to a local server"},
		{agent + "BACKUP_DIRECTORY", "configurations are kept in memory only"},
	}
}
