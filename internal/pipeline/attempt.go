package pipeline

import (
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
)

// attempt is what the pipeline keeps of one attempt. It lives as its State,
// and only what late lines need is left when the attempt is over.
type attempt struct {
	held     *heldLines // nil: nothing was ever held
	bad      bool       // it is over and went badly, or its held lines were released: later ones pass
	counted  bool       // the counters below are taken
	counters []emf.Property
	sandbox  procstat.Sample // without figures if there are none
}

// of returns what is kept of the attempt, and makes it with the first call.
func of(a *invocation.Attempt) *attempt {
	if a.State == nil {
		a.State = new(attempt)
	}
	return a.State.(*attempt)
}
