package awsemu

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

func dynamoOperation(name string) operation {
	switch name {
	case "GetItem":
		return (*Server).getItem
	case "Query":
		return (*Server).query
	}
	return nil
}

func noTable(r *request) error {
	return &apiError{status: http.StatusBadRequest, code: r.service.types + "ResourceNotFoundException", message: "Requested resource not found"}
}

type getItemInput struct {
	TableName                string
	Key                      Item
	ConsistentRead           bool
	ProjectionExpression     string
	ExpressionAttributeNames map[string]string
	ReturnConsumedCapacity   string
	AttributesToGet          []string
}

// consumed is the ConsumedCapacity of an answer.
type consumed struct {
	CapacityUnits float64
	TableName     string
}

func (s *Server) getItem(r *request) (any, error) {
	var in getItemInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if len(in.AttributesToGet) > 0 {
		return nil, invalid(r.service, "the embedded AWS does not serve the legacy parameter AttributesToGet; use ProjectionExpression")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.findTableLocked(in.TableName)
	if t == nil {
		return nil, noTable(r)
	}
	if !t.fits(in.Key) {
		return nil, invalid(r.service, "The provided key element does not match the schema")
	}
	names := &placeholders{svc: r.service, names: in.ExpressionAttributeNames}
	fields, err := names.projection(in.ProjectionExpression)
	if err == nil {
		err = names.allUsed()
	}
	if err != nil {
		return nil, err
	}
	out := struct {
		ConsumedCapacity *consumed `json:",omitempty"`
		Item             Item      `json:",omitempty"`
	}{ConsumedCapacity: capacity(in.ReturnConsumedCapacity, t, 1, in.ConsistentRead)}
	if i := slices.IndexFunc(t.Items, func(item Item) bool { return t.order(item, in.Key) == 0 }); i >= 0 {
		out.Item = project(t.Items[i], fields)
	}
	return out, nil
}

// fits reports whether key has exactly the table's key attributes, of its types.
func (t *Table) fits(key Item) bool {
	want := 1
	if t.Sort != "" {
		want = 2
	}
	if len(key) != want {
		return false
	}
	for _, name := range []string{t.Key, t.Sort} {
		if name == "" {
			continue
		}
		value, ok := key[name]
		if !ok || !value.isKey() {
			return false
		}
		if len(t.Items) > 0 && t.Items[0][name].Kind != value.Kind {
			return false
		}
	}
	return true
}

// order compares the keys of two items.
func (t *Table) order(a, b Item) int {
	first, _ := compare(a[t.Key], b[t.Key])
	if first != 0 || t.Sort == "" {
		return first
	}
	second, _ := compare(a[t.Sort], b[t.Sort])
	return second
}

// findTableLocked finds by name or ARN.
func (s *Server) findTableLocked(name string) *Table {
	return s.tables[strings.TrimPrefix(name, s.arn("dynamodb", "table/"))]
}

// ownTable copies t and sorts its items by key, the order of a query.
func ownTable(t Table) *Table {
	t.Items = slices.Clone(t.Items)
	slices.SortStableFunc(t.Items, t.order)
	return &t
}

func project(item Item, fields []string) Item {
	if fields == nil {
		return item
	}
	out := Item{}
	for _, name := range fields {
		if value, ok := item[name]; ok {
			out[name] = value
		}
	}
	return out
}

// capacity counts half a unit per 4 KiB of an eventually consistent read; items
// here are small, so one read is one block. (Read/write capacity, DynamoDB developer guide)
func capacity(asked string, t *Table, items int, consistent bool) *consumed {
	if asked != "TOTAL" && asked != "INDEXES" {
		return nil
	}
	units := 0.5 * float64(max(items, 1))
	if consistent {
		units *= 2
	}
	return &consumed{CapacityUnits: units, TableName: t.Name}
}

// size is about what an item counts against the page limit of a query.
func size(item Item) int {
	text, _ := json.Marshal(item) // decoded from JSON or YAML: always encodes
	return cmp.Or(len(text), 1)
}
