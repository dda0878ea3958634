// Package dynamostore keeps the records of idempotency in a DynamoDB table of
// Powertools.
//
// The rule a reader could break: the requests are the libraries' own, byte for
// byte of their meaning; what is ours is one attribute more (the owner) and the
// condition that a record is still its owner's.
package dynamostore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
)

// MaxData is the longest answer that is stored, in bytes: DynamoDB's limit of
// 400 KB for an item less room for the rest.
const MaxData = 350_000

// The attributes that only we write.
const (
	ownerAttr       = "powertools_owner"
	notStoredAttr   = "powertools_not_stored"
	contentTypeAttr = "content_type"
	encodingAttr    = "encoding"
)

// Caller makes one signed call; *awsapi.Client does.
type Caller interface {
	Call(ctx context.Context, op awsapi.Operation, in, out any) error
}

// Layout names the table and its attributes. Empty names are the libraries'
// defaults, but for SortKey: with it the partition is StaticPK.
type Layout struct {
	Table                                              string
	Key, SortKey, StaticPK                             string
	Expiry, InProgressExpiry, Status, Data, Validation string
}

// Store is a table. Safe for concurrent use.
type Store struct {
	caller Caller
	layout Layout
	format idempotency.Format
}

// New returns a store. Writes are those of the library of the format.
func New(caller Caller, layout Layout, format idempotency.Format) *Store {
	for _, d := range []struct {
		name  *string
		value string
	}{
		{&layout.Key, "id"}, {&layout.Expiry, "expiration"}, {&layout.InProgressExpiry, "in_progress_expiration"},
		{&layout.Status, "status"}, {&layout.Data, "data"}, {&layout.Validation, "validation"},
	} {
		if *d.name == "" {
			*d.name = d.value
		}
	}
	return &Store{caller: caller, layout: layout, format: format}
}

// str and num are attribute values. (DynamoDB API Reference, "AttributeValue")
func str(s string) attribute { return attribute{S: &s} }

func num(n int64) attribute {
	s := strconv.FormatInt(n, 10)
	return attribute{N: &s}
}

type (
	item  map[string]attribute
	names map[string]string

	putIn struct {
		TableName                           string
		Item                                item
		ConditionExpression                 string
		ExpressionAttributeNames            names
		ExpressionAttributeValues           item
		ReturnValuesOnConditionCheckFailure string
	}
	getIn struct {
		TableName      string
		Key            item
		ConsistentRead bool
	}
	updateIn struct {
		TableName                 string
		Key                       item
		UpdateExpression          string
		ConditionExpression       string
		ExpressionAttributeNames  names
		ExpressionAttributeValues item
	}
	deleteIn struct {
		TableName                 string
		Key                       item
		ConditionExpression       string
		ExpressionAttributeNames  names
		ExpressionAttributeValues item
	}
)

func (s *Store) call(ctx context.Context, name string, in, out any) error {
	err := s.caller.Call(ctx, awsapi.Operation{Service: awsapi.DynamoDB, Name: name}, in, out)
	refused, ok := errors.AsType[*awsapi.ServiceError](err)
	if !ok {
		return err
	}
	switch refused.Code {
	case "AccessDeniedException":
		return &CuredError{"allow dynamodb:" + name + " on the table " + s.layout.Table, err}
	case "ResourceNotFoundException":
		return &CuredError{"there is no table " + s.layout.Table + " in this account and region", err}
	}
	return err
}

// CuredError is a refusal of DynamoDB with what would help.
type CuredError struct {
	Cure string // names the action or the table
	Err  error  // what DynamoDB said
}

func (e *CuredError) Error() string { return e.Cure + ": " + e.Err.Error() }

func (e *CuredError) Unwrap() error { return e.Err }

func (s *Store) key(id string) item {
	if s.layout.SortKey != "" {
		return item{s.layout.Key: str(s.layout.StaticPK), s.layout.SortKey: str(id)}
	}
	return item{s.layout.Key: str(id)}
}

// Create writes a record in progress if no living one is in its way.
func (s *Store) Create(ctx context.Context, r *idempotency.Record, now time.Time) error {
	it := s.key(r.ID)
	it[s.layout.Expiry] = num(r.Expiration)
	it[s.layout.Status] = str(string(idempotency.InProgress))
	it[ownerAttr] = str(r.Owner)
	if r.InProgress != 0 {
		it[s.layout.InProgressExpiry] = num(r.InProgress)
	}
	if r.Validation != "" {
		it[s.layout.Validation] = str(r.Validation)
	}
	seconds := strconv.FormatInt(now.Unix(), 10)
	if s.format == idempotency.TypeScript {
		seconds = strconv.FormatFloat(float64(now.UnixMilli())/1000, 'f', -1, 64)
	}
	err := s.call(ctx, "PutItem", putIn{
		TableName: s.layout.Table, Item: it,
		ConditionExpression:                 "attribute_not_exists(#id) OR #expiry < :now OR (#status = :inprogress AND attribute_exists(#in_progress_expiry) AND #in_progress_expiry < :now_in_millis)",
		ExpressionAttributeNames:            names{"#id": s.layout.Key, "#expiry": s.layout.Expiry, "#in_progress_expiry": s.layout.InProgressExpiry, "#status": s.layout.Status},
		ExpressionAttributeValues:           item{":now": {N: &seconds}, ":now_in_millis": num(now.UnixMilli()), ":inprogress": str(string(idempotency.InProgress))},
		ReturnValuesOnConditionCheckFailure: "ALL_OLD",
	}, nil)
	refused, ok := conditionFailed(err)
	if !ok {
		return err
	}
	blocked := &idempotency.BlockedError{}
	if old, err := jmes.Parse([]byte(refused.Item)); err == nil && old.Kind() == jmes.Object {
		blocked.Old = s.record(r.ID, itemOf(old))
	}
	return blocked
}

// Read returns a record, nil if there is none.
func (s *Store) Read(ctx context.Context, id string) (*idempotency.Record, error) {
	var out struct{ Item item }
	if err := s.call(ctx, "GetItem", getIn{s.layout.Table, s.key(id), true}, &out); err != nil || len(out.Item) == 0 {
		return nil, err
	}
	return s.record(id, out.Item), nil
}

// Complete writes the answer if the record is still its owner's.
func (s *Store) Complete(ctx context.Context, r *idempotency.Record) error {
	if len(r.Data) > MaxData {
		return idempotency.ErrTooLarge
	}
	in := updateIn{
		TableName: s.layout.Table, Key: s.key(r.ID),
		ExpressionAttributeNames:  names{"#expiry": s.layout.Expiry, "#status": s.layout.Status},
		ExpressionAttributeValues: item{":expiry": num(r.Expiration), ":status": str(string(idempotency.Completed))},
	}
	set := func(name, placeholder, attr string, v attribute) string {
		in.ExpressionAttributeNames["#"+name] = attr
		in.ExpressionAttributeValues[placeholder] = v
		return "#" + name + " = " + placeholder
	}
	data := ""
	if r.HasData {
		v, err := s.data(r.Data)
		if err != nil {
			return err
		}
		data = set("response_data", ":response_data", s.layout.Data, v)
	}
	// The libraries differ in the order of the clauses.
	in.UpdateExpression = "SET #expiry = :expiry, #status = :status"
	if data != "" && s.format == idempotency.TypeScript {
		in.UpdateExpression += ", " + data
	} else if data != "" {
		in.UpdateExpression = "SET " + data + ", #expiry = :expiry, #status = :status"
	}
	for _, more := range []struct{ name, attr, value string }{
		{"validation_key", s.layout.Validation, r.Validation}, {"content_type", contentTypeAttr, r.ContentType},
		{"encoding", encodingAttr, r.Encoding}, {"not_stored", notStoredAttr, r.NotStored},
	} {
		if more.value != "" {
			in.UpdateExpression += ", " + set(more.name, ":"+more.name, more.attr, str(more.value))
		}
	}
	in.ConditionExpression = s.owned(in.ExpressionAttributeNames, in.ExpressionAttributeValues, r.Owner)
	err := lost(s.call(ctx, "UpdateItem", in, nil))
	if refused, ok := errors.AsType[*awsapi.ServiceError](err); ok && refused.Code == "ValidationException" && r.HasData {
		// The table took the record in progress: it is the answer that it refuses.
		if strings.Contains(refused.Message, "maximum allowed size") {
			return idempotency.ErrTooLarge
		}
		return idempotency.ErrNotRepresentable
	}
	return err
}

// owned is the condition that a record is in progress and its owner's.
func (s *Store) owned(n names, v item, owner string) string {
	n["#status"], n["#owner"] = s.layout.Status, ownerAttr
	v[":inprogress"], v[":owner"] = str(string(idempotency.InProgress)), str(owner)
	return "#status = :inprogress AND #owner = :owner"
}

// Delete frees the key if the record is still its owner's.
func (s *Store) Delete(ctx context.Context, r *idempotency.Record) error {
	in := deleteIn{TableName: s.layout.Table, Key: s.key(r.ID), ExpressionAttributeNames: names{}, ExpressionAttributeValues: item{}}
	in.ConditionExpression = s.owned(in.ExpressionAttributeNames, in.ExpressionAttributeValues, r.Owner)
	return lost(s.call(ctx, "DeleteItem", in, nil))
}

func conditionFailed(err error) (*awsapi.ServiceError, bool) {
	e, ok := errors.AsType[*awsapi.ServiceError](err)
	return e, ok && e.Code == "ConditionalCheckFailedException"
}

func lost(err error) error {
	if _, ok := conditionFailed(err); ok {
		return idempotency.ErrLost
	}
	return err
}

// record reads an item, of whichever library. What is missing or of another
// type is left out, and the engine does not trust such a record.
func (s *Store) record(id string, it item) *idempotency.Record {
	text := func(name string) string {
		if v := it[name].S; v != nil {
			return *v
		}
		return ""
	}
	number := func(name string) int64 {
		v := it[name].N
		if v == nil {
			return 0
		}
		if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(*v, 64)
		return int64(f)
	}
	r := &idempotency.Record{
		ID: id, Status: idempotency.Status(text(s.layout.Status)), Expiration: number(s.layout.Expiry), InProgress: number(s.layout.InProgressExpiry),
		Validation: text(s.layout.Validation), Owner: text(ownerAttr), NotStored: text(notStoredAttr), ContentType: text(contentTypeAttr), Encoding: text(encodingAttr),
	}
	data, ok := it[s.layout.Data]
	switch {
	case !ok:
		r.Data = []byte("null")
	case data.B != nil: // no library writes binary data
		r.Status = ""
	default:
		r.Data, r.HasData = s.answer(data), true
	}
	return r
}
