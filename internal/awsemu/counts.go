package awsemu

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Count says how often one operation was called.
type Count struct {
	Operation string         // as IAM names it, e.g. ssm:GetParameter
	Calls     int            // HTTP requests, whatever the answer
	Failed    int            // of them, answered with an error or cut off
	Names     map[string]int // by name as it was asked for; a batched call counts once for each of its names
}

// maxNames bounds the names remembered per operation; the rest count under "…".
const maxNames = 1000

type counts map[string]*Count

// Counts returns a copy of the counts, by operation.
func (s *Server) Counts() []Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Count, 0, len(s.counts))
	for _, c := range s.counts {
		one := *c
		one.Names = maps.Clone(c.Names)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Compare(a.Operation, b.Operation) })
	return out
}

func (s *Server) count(r *request, names []string, err error) {
	key := r.service.name + ":" + r.operation
	if r.operation == "" {
		key = "unknown"
	}
	if s.OnCall != nil {
		s.OnCall(newCall(key, names, r.began, s.currentFault(), err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[key]
	if c == nil {
		c = &Count{Operation: key, Names: map[string]int{}}
		s.counts[key] = c
	}
	c.Calls++
	if err != nil {
		c.Failed++
	}
	for _, name := range names {
		if _, known := c.Names[name]; !known && len(c.Names) >= maxNames {
			name = "…"
		}
		c.Names[name]++
	}
}

// names are what the call is about, for counts and refusals.
func (r *request) names() []string {
	switch r.service.name {
	case "appconfig":
		if name := r.configurationName(); name != "" {
			return []string{name}
		}
		return nil
	case "lambda":
		if source := r.query.Get("EventSourceArn"); source != "" {
			return []string{strings.ToValidUTF8(source, "?")}
		}
		return nil
	case "sts":
		return []string{strings.ToValidUTF8(r.query.Get("RoleArn"), "?")}
	}
	return namesIn(r.body)
}

// namesIn finds what a call is about, whatever the operation: the members that
// carry names are called differently in every one.
func namesIn(body []byte) []string {
	var in struct {
		Name, Path, SecretId, TableName string //nolint:revive // the wire's spelling
		Names, SecretIdList             []string
		Key                             map[string]Attribute
		ExpressionAttributeValues       map[string]Attribute
		KeyConditionExpression          string // of a query, whose values are its key
	}
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	names := append(in.Names, in.SecretIdList...)
	for _, one := range []string{in.Name, in.Path, in.SecretId, in.TableName} {
		if one != "" {
			names = append(names, one)
		}
	}
	if in.TableName == "" {
		return names
	}
	keys := in.Key
	if keys == nil && in.KeyConditionExpression != "" {
		keys = in.ExpressionAttributeValues
	}
	name := in.TableName
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		name += "/" + keys[k].text()
	}
	return []string{strings.ToValidUTF8(name, "?")}
}
