package awsparams

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

// getItemIn and getItemOut are the request and the answer of GetItem. (DynamoDB
// API Reference, "GetItem")
type getItemIn struct {
	TableName                string
	Key                      map[string]keyValue
	ConsistentRead           bool              `json:",omitempty"`
	ProjectionExpression     string            `json:",omitempty"`
	ExpressionAttributeNames map[string]string `json:",omitempty"`
}

// keyValue is the attribute of a key, by its type: S, N or B.
type keyValue map[string]string

type getItemOut struct {
	Item map[string]attribute
}

func (p *Provider) item(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Key == "" {
		return paramcache.Value{}, badRequest(ref, "no key", "name the item's key")
	}
	in := getItemIn{
		TableName:      ref.Name,
		ConsistentRead: ref.Consistent,
	}
	keys := []keyPart{{or(ref.KeyAttr, p.opt.KeyAttr), ref.Key}}
	if ref.Sort != "" {
		keys = append(keys, keyPart{or(ref.SortAttr, p.opt.SortAttr), ref.Sort})
	}
	valueAttr := or(ref.ValueAttr, p.opt.ValueAttr)
	if !ref.Item {
		// A placeholder, because "value" and many other good names are reserved
		// words of expressions, and a dot would mean a path.
		in.ProjectionExpression = "#v"
		in.ExpressionAttributeNames = map[string]string{"#v": valueAttr}
	}
	var out getItemOut
	err := p.typed(ref, keys, func(values []keyValue) (bool, error) {
		in.Key = map[string]keyValue{}
		for i, part := range keys {
			in.Key[part.attribute] = values[i]
		}
		err := p.call(ctx, ref, action{awsapi.DynamoDB, "GetItem"}, in, &out)
		return out.Item != nil, err
	})
	if err != nil {
		return paramcache.Value{}, err
	}
	return itemValue(ref, valueAttr, out.Item)
}

// itemValue picks what the ref asked for. A projection onto an attribute that
// the item lacks gives an empty item, a missing item none.
func itemValue(ref paramcache.Ref, valueAttr string, item map[string]attribute) (paramcache.Value, error) {
	if item == nil {
		return paramcache.Value{}, notFound(ref, "the table has no such item", "check the key, the table and the region")
	}
	name := ref.Name + "/" + ref.Key
	if ref.Sort != "" {
		name += "/" + ref.Sort
	}
	if ref.Item {
		v := itemJSON(item)
		v.Name = name
		return v, nil
	}
	got, ok := item[valueAttr]
	if !ok {
		return paramcache.Value{}, notFound(ref, "the item has no attribute "+valueAttr, "name another attribute, or ask for the whole item")
	}
	v := got.value()
	v.Name = name
	return v, nil
}

// queryIn and queryOut are the request and the answer of Query. The key that a
// page ends with goes back as it came. (DynamoDB API Reference, "Query")
type queryIn struct {
	TableName                 string
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]keyValue
	ProjectionExpression      string          `json:",omitempty"`
	ConsistentRead            bool            `json:",omitempty"`
	ExclusiveStartKey         json.RawMessage `json:",omitempty"`
}

type queryOut struct {
	Items            []map[string]attribute
	LastEvaluatedKey json.RawMessage
}

// items reads every sort key of the key, all pages, in the order of the sort
// keys. An item without the value's attribute is no member.
func (p *Provider) items(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Key == "" || ref.Sort != "" {
		return paramcache.Value{}, badRequest(ref, "no key, or one sort key where all are asked for", "name the items' key")
	}
	sortAttr, valueAttr := or(ref.SortAttr, p.opt.SortAttr), or(ref.ValueAttr, p.opt.ValueAttr)
	in := queryIn{
		TableName:                ref.Name,
		KeyConditionExpression:   "#k = :k",
		ExpressionAttributeNames: map[string]string{"#k": or(ref.KeyAttr, p.opt.KeyAttr)},
		ConsistentRead:           ref.Consistent,
	}
	if !ref.Item {
		in.ProjectionExpression = "#s, #v"
		in.ExpressionAttributeNames["#s"], in.ExpressionAttributeNames["#v"] = sortAttr, valueAttr
		if sortAttr == valueAttr { // two names of one attribute would overlap
			in.ProjectionExpression = "#s"
			delete(in.ExpressionAttributeNames, "#v")
		}
	}
	g := newGroup(ref, ref.Name+"/"+ref.Key)
	keys := []keyPart{{or(ref.KeyAttr, p.opt.KeyAttr), ref.Key}}
	for {
		var out queryOut
		err := p.typed(ref, keys, func(values []keyValue) (bool, error) {
			in.ExpressionAttributeValues = map[string]keyValue{":k": values[0]}
			err := p.page(ctx, g, action{awsapi.DynamoDB, "Query"}, in, &out)
			return len(out.Items) > 0 || len(out.LastEvaluatedKey) > 0, err
		})
		if err != nil {
			return paramcache.Value{}, err
		}
		for _, item := range out.Items {
			if err := g.addItem(item, sortAttr, valueAttr); err != nil {
				return paramcache.Value{}, err
			}
		}
		if len(out.LastEvaluatedKey) == 0 || string(out.LastEvaluatedKey) == "null" {
			return g.value, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// addItem adds one item as the member that its sort key names.
func (g *group) addItem(item map[string]attribute, sortAttr, valueAttr string) error {
	name, ok := item[sortAttr].keyName()
	if !ok {
		return badRequest(g.ref, "the items have no sort key "+sortAttr, "name the table's sort attribute")
	}
	var v paramcache.Value
	if g.ref.Item {
		v = itemJSON(item)
	} else if got, has := item[valueAttr]; has {
		v = got.value()
	} else {
		return nil
	}
	v.Name = name
	return g.add(v)
}

// keyName writes the attribute of a key: a string, a number or bytes.
func (a attribute) keyName() (string, bool) {
	switch {
	case a.S != nil:
		return *a.S, true
	case a.N != nil:
		return *a.N, true
	case a.B != nil:
		return base64.StdEncoding.EncodeToString(a.B), true
	}
	return "", false
}
