package awsemu

// maxPage is where a query's page ends. (Query, DynamoDB API reference)
const maxPage = 1 << 20

type queryInput struct {
	TableName                 string
	KeyConditionExpression    string
	ProjectionExpression      string
	FilterExpression          string
	IndexName                 string
	Select                    string
	ReturnConsumedCapacity    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues Item
	ExclusiveStartKey         Item
	Limit                     *int
	ScanIndexForward          *bool
	ConsistentRead            bool
	KeyConditions             map[string]any
}

type queryOutput struct {
	ConsumedCapacity *consumed `json:",omitempty"`
	Count            int
	Items            *[]Item `json:",omitempty"` // absent with Select COUNT
	LastEvaluatedKey Item    `json:",omitempty"`
	ScannedCount     int
}

// query serves key conditions, projections and pages; filters and indexes are
// refused by name rather than ignored.
func (s *Server) query(r *request) (any, error) {
	var in queryInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.findTableLocked(in.TableName)
	if t == nil {
		return nil, noTable(r)
	}
	names := &placeholders{svc: r.service, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	match, err := names.keyCondition(in.KeyConditionExpression, t)
	if err != nil {
		return nil, err
	}
	fields, err := names.projection(in.ProjectionExpression)
	if err == nil {
		err = names.allUsed()
	}
	if err == nil && in.ExclusiveStartKey != nil && !t.fits(in.ExclusiveStartKey) {
		err = invalid(r.service, "The provided starting key is invalid")
	}
	if err != nil {
		return nil, err
	}
	out := in.page(t, match, fields)
	out.ConsumedCapacity = capacity(in.ReturnConsumedCapacity, t, out.Count, in.ConsistentRead)
	return out, nil
}

func (in queryInput) check(r *request) error {
	switch {
	case in.FilterExpression != "":
		return invalid(r.service, "the embedded AWS does not serve FilterExpression; use DynamoDB Local through AWS_ENDPOINT_URL_DYNAMODB")
	case in.IndexName != "":
		return invalid(r.service, "The table does not have the specified index: %s", in.IndexName)
	case len(in.KeyConditions) > 0:
		return invalid(r.service, "the embedded AWS does not serve the legacy parameter KeyConditions; use KeyConditionExpression")
	case in.KeyConditionExpression == "":
		return invalid(r.service, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	case in.Limit != nil && *in.Limit < 1:
		return invalid(r.service, "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *in.Limit)
	}
	return nil
}

// page collects one page in the asked direction, starting after ExclusiveStartKey.
func (in queryInput) page(t *Table, match func(Item) bool, fields []path) queryOutput {
	items := []Item{}
	var out queryOutput
	bytes := 0
	forward := in.ScanIndexForward == nil || *in.ScanIndexForward
	for i := range t.Items {
		item := t.Items[i]
		if !forward {
			item = t.Items[len(t.Items)-1-i]
		}
		if !match(item) || in.ExclusiveStartKey != nil && !after(t.order(item, in.ExclusiveStartKey), forward) {
			continue
		}
		items = append(items, project(item, fields))
		bytes += size(item)
		if in.Limit != nil && len(items) == *in.Limit || bytes > maxPage {
			out.LastEvaluatedKey = t.keyOf(item) // there even when nothing follows, as on DynamoDB
			break
		}
	}
	out.Count, out.ScannedCount = len(items), len(items)
	if in.Select != "COUNT" {
		out.Items = &items
	}
	return out
}

func after(order int, forward bool) bool {
	if forward {
		return order > 0
	}
	return order < 0
}

func (t *Table) keyNames() []string {
	if t.Sort == "" {
		return []string{t.Key}
	}
	return []string{t.Key, t.Sort}
}

// keyOf is an item's key.
func (t *Table) keyOf(item Item) Item {
	out := Item{}
	for _, name := range t.keyNames() {
		out[name] = item[name]
	}
	return out
}
