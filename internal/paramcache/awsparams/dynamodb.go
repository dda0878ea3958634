package awsparams

import (
	"context"

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

// keyValue is a string attribute: Powertools' tables have string keys.
type keyValue struct{ S string }

type getItemOut struct {
	Item map[string]attribute
}

func (p *Provider) item(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	if ref.Key == "" {
		return paramcache.Value{}, badRequest(ref, "no key", "name the item's key")
	}
	in := getItemIn{
		TableName:      ref.Name,
		Key:            map[string]keyValue{or(ref.KeyAttr, p.opt.KeyAttr): {ref.Key}},
		ConsistentRead: ref.Consistent,
	}
	if ref.Sort != "" {
		in.Key[or(ref.SortAttr, p.opt.SortAttr)] = keyValue{ref.Sort}
	}
	valueAttr := or(ref.ValueAttr, p.opt.ValueAttr)
	if !ref.Item {
		// A placeholder, because "value" and many other good names are reserved
		// words of expressions, and a dot would mean a path.
		in.ProjectionExpression = "#v"
		in.ExpressionAttributeNames = map[string]string{"#v": valueAttr}
	}
	var out getItemOut
	if err := p.call(ctx, ref, action{awsapi.DynamoDB, "GetItem"}, in, &out); err != nil {
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
		return paramcache.Value{Name: name, Text: paramcache.Secret(appendMap(nil, item)), IsText: true, JSON: true}, nil
	}
	got, ok := item[valueAttr]
	if !ok {
		return paramcache.Value{}, notFound(ref, "the item has no attribute "+valueAttr, "name another attribute, or ask for the whole item")
	}
	v := got.value()
	v.Name = name
	return v, nil
}
