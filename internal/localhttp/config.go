package localhttp

import "powertools-extension/internal/localhttp/wire"

// getConfig tells the effective configuration as -config prints it. What may
// hold a secret is redacted where the list is made; tokens are once more here.
func getConfig(s *Server, x *exchange) error {
	if s.deps.Config == nil {
		return s.fail(CodeUnavailable, "the configuration is not known")
	}
	dump := s.deps.Config()
	dst := append(x.out, `{"settings":[`...)
	for i, setting := range dump.Settings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = wire.AppendString(dst, setting.Name)
		dst = append(dst, `,"value":`...)
		dst = wire.AppendString(dst, s.scrub(setting.Value))
		dst = append(dst, `,"source":`...)
		dst = append(wire.AppendString(dst, setting.Source), '}')
	}
	dst = append(dst, `],"problems":[`...)
	for i, problem := range dump.Problems {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"variable":`...)
		dst = wire.AppendString(dst, problem.Var)
		dst = append(dst, `,"problem":`...)
		dst = append(wire.AppendString(dst, s.scrub(problem.String())), '}')
	}
	x.out = append(dst, `]}`...)
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(200, s.set.json)
}
