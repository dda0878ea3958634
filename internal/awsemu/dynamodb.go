package awsemu

import (
	"cmp"
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
	case "PutItem":
		return (*Server).putItem
	case "UpdateItem":
		return (*Server).updateItem
	case "DeleteItem":
		return (*Server).deleteItem
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
		return nil, t.badKey(r.service, in.Key)
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
	if i, ok := t.find(in.Key); ok {
		out.Item = project(t.Items[i], fields)
	}
	return out, nil
}

// fits reports whether key has exactly the table's key attributes, of its types.
func (t *Table) fits(key Item) bool {
	names := t.keyNames()
	for i, name := range names {
		if value, ok := key[name]; !ok || !value.isKey() || value.Kind != t.kinds[i] {
			return false
		}
	}
	return len(key) == len(names)
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

// ownTable copies t, sorts its items by key, the order of a query, and learns
// the types of its key from the first one.
func ownTable(t Table) *Table {
	t.Items = slices.Clone(t.Items)
	slices.SortStableFunc(t.Items, t.order)
	for i, kind := range []string{t.KeyType, t.SortType} {
		name := append(t.keyNames(), "")[i]
		if kind == "" && len(t.Items) > 0 {
			kind = t.Items[0][name].Kind
		}
		t.kinds[i] = cmp.Or(kind, "S")
	}
	return &t
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

// size is what an item counts against the limits: the UTF-8 of its names and
// values. (DynamoDB item sizes and formats, DynamoDB developer guide)
func size(item Item) int {
	n := 0
	for name, value := range item {
		n += len(name) + value.bytes()
	}
	return n
}
