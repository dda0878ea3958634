package eventsource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// judge finds the messages of a batch that count as failed, and why when it is
// not because the function named them.
// (Implementing partial batch responses, Success and failure conditions, Lambda
// developer guide)
func (m *Mapping) judge(indices []int, a Answer) (failed map[int]bool, reason string) {
	failed = map[int]bool{}
	whole := func(why string) (map[int]bool, string) {
		for _, i := range indices {
			failed[i] = true
		}
		return failed, why
	}
	if a.FunctionError {
		if m.cfg.Kind == Async {
			return whole("the invocation failed")
		}
		return whole("the invocation failed: the whole batch does")
	}
	if m.cfg.Kind == Async {
		return failed, ""
	}
	ids, given, problem := readFailures(a.Payload)
	if !m.cfg.ReportBatchItemFailures {
		if len(ids) > 0 || given && problem != "" {
			return failed, "batchItemFailures is ignored: the mapping has no ReportBatchItemFailures"
		}
		return failed, ""
	}
	if problem != "" {
		return whole(problem + ": the whole batch counts as failed")
	}
	for _, id := range ids {
		at := slices.IndexFunc(indices, func(i int) bool { return m.records[i].ID == id })
		if at < 0 {
			return whole(fmt.Sprintf("batchItemFailures names %.80q, which is not in the batch: the whole batch counts as failed", id))
		}
		failed[indices[at]] = true
	}
	return failed, ""
}

// readFailures reads {"batchItemFailures":[{"itemIdentifier":ID}]}. given says
// that the member is there; problem is what makes the answer invalid. Nothing,
// null, an empty object, and an empty or null list are a success.
func readFailures(payload []byte) (ids []string, given bool, problem string) {
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 || string(payload) == "null" || string(payload) == `""` {
		return nil, false, ""
	}
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(payload, &answer); err != nil {
		if !json.Valid(payload) {
			return nil, false, "the answer is not JSON"
		}
		return nil, false, "the answer is JSON, but no object"
	}
	raw, given := answer["batchItemFailures"]
	if !given || string(raw) == "null" {
		return nil, given, ""
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, true, "batchItemFailures is not a list"
	}
	for n, element := range list {
		var item map[string]json.RawMessage
		if json.Unmarshal(element, &item) != nil {
			return nil, true, fmt.Sprintf("batchItemFailures[%d] is not an object", n)
		}
		raw, there := item["itemIdentifier"]
		var id *string
		switch err := json.Unmarshal(raw, &id); {
		case !there:
			return nil, true, fmt.Sprintf("batchItemFailures[%d] has no itemIdentifier", n)
		case err != nil:
			return nil, true, fmt.Sprintf("batchItemFailures[%d].itemIdentifier is not a text", n)
		case id == nil:
			return nil, true, fmt.Sprintf("batchItemFailures[%d].itemIdentifier is null", n)
		case *id == "":
			return nil, true, fmt.Sprintf("batchItemFailures[%d].itemIdentifier is empty", n)
		}
		ids = append(ids, *id)
	}
	return ids, true, ""
}
