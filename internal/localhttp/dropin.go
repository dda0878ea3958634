package localhttp

import (
	"strings"
	"time"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
)

// getOfficialParameter is GET /systemsmanager/parameters/get.
func getOfficialParameter(s *Server, x *exchange) error {
	ref := paramcache.Ref{Source: paramcache.SSM, Name: x.str("name")}
	if ref.Name == "" {
		return argumentError{CodeMissing, "query argument name is missing"}
	}
	x.selector(&ref)
	var err error
	if ref.Decrypt, err = x.official("withDecryption"); err != nil {
		return err
	}
	return s.answerDropIn(x, ref, s.opt.SystemsManagerMaxAge)
}

// selector takes version or label, whichever comes first in the URL (AWS
// Systems Manager, Using Parameter Store parameters in Lambda functions).
func (x *exchange) selector(ref *paramcache.Ref) {
	for _, a := range x.args {
		switch {
		case a.value == "":
		case a.name == "version":
			ref.Version = a.value
			return
		case a.name == "label":
			ref.Label = a.value
			return
		}
	}
}

// getOfficialSecret is GET /secretsmanager/get.
func getOfficialSecret(s *Server, x *exchange) error {
	ref := x.secret(x.str("secretId"))
	if ref.Name == "" {
		return argumentError{CodeMissing, "query argument secretId is missing"}
	}
	return s.answerDropIn(x, ref, s.opt.SecretsManagerMaxAge)
}

// getAgentSecret is GET /v1/{secretId…}.
func getAgentSecret(s *Server, x *exchange) error {
	id, err := x.name(0, "secret id")
	if err != nil {
		return err
	}
	return s.answerDropIn(x, x.secret(id), s.opt.SecretsManagerMaxAge)
}

func (x *exchange) secret(id string) paramcache.Ref {
	return paramcache.Ref{Source: paramcache.Secrets, Name: id, Version: x.str("versionId"), Label: x.str("versionStage")}
}

// official returns a boolean of the drop-in routes: true, false, 1 or 0 in any
// case. Empty counts as missing.
func (x *exchange) official(name string) (bool, error) {
	switch a := x.str(name); strings.ToLower(a) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, badArgument(name, "true, false, 1 or 0")
}

// dropInDenial is how long a denial and a missing value are remembered on the
// drop-in routes, whose originals remember none.
const dropInDenial = time.Second

// answerDropIn reads ref and answers in the bytes of the server that this one
// stands in for; Accept: text/plain is ours and gets the bare value.
func (s *Server) answerDropIn(x *exchange, ref paramcache.Ref, maxAge *time.Duration) error {
	force, err := x.official("refreshNow")
	if err != nil {
		return err
	}
	if ref.RoleARN, err = x.role("roleArn"); err != nil {
		return err
	}
	res, err := s.read(x, ref, paramcache.Options{MaxAge: maxAge, Force: force, StaleOK: true, RememberDenial: dropInDenial})
	if err != nil {
		return err
	}
	x.ciphertext = isCiphertext(ref, &res.Value)
	if acceptsText(x.r.Header["Accept"]) {
		value := plainContent(&res.Value)
		x.out = value.appendBare(x.out)
		return s.sendValue(x, s.mediaOf(&value), &res)
	}
	switch {
	case x.route.Dialect == Agent:
		x.out = wire.AppendAgentSecret(x.out, &res.Value)
	case ref.Source == paramcache.SSM:
		x.out = wire.AppendGetParameter(x.out, &res.Value)
	default:
		x.out = wire.AppendGetSecretValue(x.out, &res.Value)
	}
	return s.sendValue(x, s.set.json, &res)
}

// getConfiguration is the AppConfig agent's only route. The configuration is
// the body, in the type that it was deployed with.
func getConfiguration(s *Server, x *exchange) error {
	ref, err := x.configuration()
	if err != nil {
		return err
	}
	res, err := s.read(x, ref, paramcache.Options{RememberDenial: dropInDenial})
	if err != nil {
		return err
	}
	c, err := x.flagContext()
	if err != nil {
		return err
	}
	if res.Value, err = pickFlags(&s.variants, ref, &res.Value, x.all("flag"), c); err != nil {
		return err
	}
	if version := headerSafe(res.Value.Version); version != "" {
		// Both spellings are in AWS's documentation.
		x.w.Header()["Configuration-Version"] = []string{version}
		x.w.Header()["Configurationversion"] = []string{version}
	}
	value := plainContent(&res.Value)
	x.out = value.appendBare(x.out)
	media := s.set.octets
	if deployed := headerSafe(res.Value.ContentType); deployed != "" {
		media = []string{deployed}
	}
	return s.sendValue(x, media, &res)
}
