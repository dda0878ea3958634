package config

import (
	"fmt"
	"strings"

	"powertools-extension/internal/ref"
)

// refList is the value of POWERTOOLS_PARAMETERS_PREFETCH, agentList that of
// the AppConfig agent's own variable. An entry that is no ref costs that
// entry.
type (
	refList   struct{ p *[]string }
	agentList struct{ p *[]string }
)

func (v refList) Set(s string) error {
	return setRefs(v.p, s, func(entry string) error {
		_, err := ref.Parse(entry)
		return err
	})
}

func (v agentList) Set(s string) error {
	return setRefs(v.p, s, func(entry string) error {
		if _, err := ref.Parse(ref.FromAgent(entry)); err != nil {
			return fmt.Errorf("not App:Env:Profile")
		}
		return nil
	})
}

func setRefs(p *[]string, s string, check func(string) error) error {
	var out, wrong []string
	for i, entry := range entriesOf(s) {
		if err := check(entry); err != nil {
			wrong = append(wrong, fmt.Sprintf("entry %d: %v", i+1, err))
			continue
		}
		out = append(out, entry)
	}
	*p = out
	return partial(wrong, len(out) > 0, "the other entries")
}

func (v refList) String() string   { return strings.Join(*v.p, ",") }
func (v agentList) String() string { return strings.Join(*v.p, ",") }
func (refList) Type() string       { return "comma list of refs" }
func (agentList) Type() string     { return "comma list" }
