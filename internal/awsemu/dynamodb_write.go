package awsemu

import (
	"net/http"
	"slices"
	"strings"
)

// writeInput is what PutItem, UpdateItem and DeleteItem have in common.
type writeInput struct {
	TableName                           string
	Item, Key                           Item
	ConditionExpression                 *string
	UpdateExpression                    *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           Item
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string

	// Parameters of the API before expressions.
	Expected, AttributeUpdates map[string]any
	ConditionalOperator        string
}

// write is one checked write. The item it makes is computed from the old one.
type write struct {
	in        writeInput
	condition test // nil: none
	changes   []change
}

// maxItem is the largest item, names included. (Service, account, and table
// quotas, DynamoDB developer guide)
const maxItem = 400 << 10

func (s *Server) putItem(r *request) (any, error) {
	w, err := readWrite(r, "NONE", "ALL_OLD")
	if err != nil {
		return nil, err
	}
	return s.write(r, w, func(t *Table, _ Item) (Item, error) { return w.in.Item, t.checkNew(r.service, w.in.Item) })
}

// deleteItem removes an item, or does nothing when there is none.
func (s *Server) deleteItem(r *request) (any, error) {
	w, err := readWrite(r, "NONE", "ALL_OLD")
	if err != nil {
		return nil, err
	}
	return s.write(r, w, nil)
}

// updateItem changes an item, or makes one with the key and what the
// expression sets.
func (s *Server) updateItem(r *request) (any, error) {
	w, err := readWrite(r, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
	if err != nil {
		return nil, err
	}
	return s.write(r, w, func(t *Table, old Item) (Item, error) {
		base := old
		if base == nil {
			base = w.in.Key
		}
		for _, c := range w.changes {
			if slices.Contains(t.keyNames(), c.path[0].name) {
				return nil, invalid(r.service, "One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", c.path[0].name)
			}
		}
		out, problem := apply(w.changes, base)
		if problem != "" {
			return nil, invalid(r.service, "%s", problem)
		}
		if size(out) > maxItem {
			return nil, invalid(r.service, "Item size to update has exceeded the maximum allowed size")
		}
		return out, nil
	})
}

// readWrite decodes and checks what does not depend on the table.
func readWrite(r *request, returnValues ...string) (*write, error) {
	w := &write{}
	if err := r.decode(&w.in); err != nil {
		return nil, err
	}
	in := &w.in
	if len(in.Expected)+len(in.AttributeUpdates) > 0 || in.ConditionalOperator != "" {
		return nil, invalid(r.service, "the embedded AWS does not serve the legacy parameters Expected, AttributeUpdates and ConditionalOperator; use expressions")
	}
	if err := in.checkEnums(r.service, returnValues); err != nil {
		return nil, err
	}
	for name, value := range in.ExpressionAttributeValues {
		if problem := value.normalise(0); problem != "" {
			return nil, invalid(r.service, "ExpressionAttributeValues contains invalid value: %s for key %s", problem, name)
		}
		in.ExpressionAttributeValues[name] = value
	}
	for name, value := range in.Item {
		if problem := value.normalise(0); problem != "" {
			return nil, invalid(r.service, "%s", problem)
		}
		in.Item[name] = value
	}
	p := &placeholders{svc: r.service, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	if err := p.wanted(in.UpdateExpression, in.ConditionExpression); err != nil {
		return nil, err
	}
	var err error
	if in.UpdateExpression != nil {
		if w.changes, err = p.update(*in.UpdateExpression); err != nil {
			return nil, err
		}
	}
	if in.ConditionExpression != nil {
		if w.condition, err = p.condition("ConditionExpression", *in.ConditionExpression); err != nil {
			return nil, err
		}
	}
	return w, p.allUsed()
}

func (in *writeInput) checkEnums(svc service, returnValues []string) error {
	const enum = "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]"
	all := []string{"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"}
	switch {
	case in.ReturnValues != "" && !slices.Contains(all, in.ReturnValues):
		return invalid(svc, enum, in.ReturnValues, "returnValues", strings.Join(all, ", "))
	case in.ReturnValues != "" && !slices.Contains(returnValues, in.ReturnValues):
		return invalid(svc, "Return values set to invalid value")
	case !slices.Contains([]string{"", "NONE", "ALL_OLD"}, in.ReturnValuesOnConditionCheckFailure):
		return invalid(svc, enum, in.ReturnValuesOnConditionCheckFailure, "returnValuesOnConditionCheckFailure", "ALL_OLD, NONE")
	}
	return nil
}

// write runs one write: make returns the new item, and is nil for a deletion.
func (s *Server) write(r *request, w *write, make func(t *Table, old Item) (Item, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.findTableLocked(w.in.TableName)
	if t == nil {
		return nil, noTable(r)
	}
	key := w.in.Key
	if w.in.Item != nil {
		if err := t.checkKeyOf(r.service, w.in.Item); err != nil {
			return nil, err
		}
		key = w.in.Item
	} else if !t.fits(key) {
		return nil, t.badKey(r.service, key)
	}
	at, found := t.find(key)
	var old Item
	if found {
		old = t.Items[at]
	}
	if w.condition != nil && !w.condition(old) {
		return nil, w.refused(r.service, old)
	}
	var made Item
	if make != nil {
		var err error
		if made, err = make(t, old); err != nil {
			return nil, err
		}
	}
	switch {
	case made != nil && found:
		t.Items[at] = made
	case made != nil:
		t.Items = slices.Insert(t.Items, at, made)
	case found:
		t.Items = slices.Delete(t.Items, at, at+1)
	}
	return w.answer(t, old, made), nil
}

// refused is the answer of a condition that is not met. (PutItem, DynamoDB API
// reference: ReturnValuesOnConditionCheckFailure)
func (w *write) refused(svc service, old Item) error {
	err := &apiError{status: http.StatusBadRequest, code: svc.types + "ConditionalCheckFailedException", message: "The conditional request failed"}
	if w.in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && old != nil {
		err.more = map[string]any{"Item": old}
	}
	return err
}

type writeOutput struct {
	Attributes       Item      `json:",omitempty"`
	ConsumedCapacity *consumed `json:",omitempty"`
}

func (w *write) answer(t *Table, old, made Item) writeOutput {
	out := writeOutput{ConsumedCapacity: writeCapacity(w.in.ReturnConsumedCapacity, t, max(size(old), size(made)))}
	switch w.in.ReturnValues {
	case "ALL_OLD":
		out.Attributes = old
	case "ALL_NEW":
		out.Attributes = made
	case "UPDATED_OLD":
		out.Attributes = w.changedIn(old)
	case "UPDATED_NEW":
		out.Attributes = w.changedIn(made)
	}
	return out
}

// changedIn is what UPDATED_OLD and UPDATED_NEW answer: whole attributes, of
// those paths that the item has.
func (w *write) changedIn(item Item) Item {
	out := Item{}
	for _, c := range w.changes {
		if _, there := c.path.find(item); there {
			name := c.path[0].name
			out[name] = item[name]
		}
	}
	return out
}

// writeCapacity counts a unit per KiB. (Read/write capacity, DynamoDB developer guide)
func writeCapacity(asked string, t *Table, bytes int) *consumed {
	if asked != "TOTAL" && asked != "INDEXES" {
		return nil
	}
	return &consumed{CapacityUnits: float64(max(1, (bytes+1023)/1024)), TableName: t.Name}
}

// find is where the item with this key is, or would be.
func (t *Table) find(key Item) (int, bool) {
	return slices.BinarySearchFunc(t.Items, key, t.order)
}

// checkKeyOf wants the key attributes in a whole item.
func (t *Table) checkKeyOf(svc service, item Item) error {
	for i, name := range t.keyNames() {
		value, ok := item[name]
		switch {
		case !ok:
			return invalid(svc, "One or more parameter values were invalid: Missing the key %s in the item", name)
		case value.Kind != t.kinds[i]:
			return invalid(svc, "One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", name, t.kinds[i], value.Kind)
		case !value.isKey():
			return emptyKey(svc, name, value)
		}
	}
	return nil
}

func emptyKey(svc service, name string, value Attribute) error {
	kind := "string"
	if value.Kind == "B" {
		kind = "binary"
	}
	return invalid(svc, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kind, name)
}

// badKey is the refusal of a Key that does not fit.
func (t *Table) badKey(svc service, key Item) error {
	for i, name := range t.keyNames() {
		if value, ok := key[name]; ok && len(key) == len(t.keyNames()) && value.Kind == t.kinds[i] && value.Kind != "N" && !value.isKey() {
			return emptyKey(svc, name, value)
		}
	}
	return invalid(svc, "The provided key element does not match the schema")
}

// checkNew bounds an item that is put.
func (t *Table) checkNew(svc service, item Item) error {
	if size(item) > maxItem {
		return invalid(svc, "Item size has exceeded the maximum allowed size")
	}
	return nil
}
