package awsemu

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// everything is an item with a value of every kind.
func everything() av {
	return av{
		"s": str("text"), "n": num("10"), "t": yes(true), "l": list(str("a"), num("1"), object(av{"x": num("5")})),
		"m": object(av{"k": str("v"), "n": num("2"), "l": list(num("7"))}), "ss": set("a", "b"), "nums": nums("1", "2"), "e": str(""),
	}
}

func values() av {
	return av{
		":s": str("text"), ":p": str("te"), ":n": num("10"), ":nine": num("9"), ":t": yes(true), ":l": list(str("z")), ":m": object(av{"k": str("v"), "n": num("2"), "l": list(num("7"))}),
		":set": set("b", "a"), ":one": set("a"), ":nums": nums("2", "3"), ":type": str("M"), ":zero": num("0"), ":none": set("q"),
	}
}

// used keeps of the values those that an expression names.
func used(expression string) av {
	out := av{}
	for name, v := range values() {
		for _, token := range strings.FieldsFunc(expression, func(c rune) bool { return strings.ContainsRune(" (),=<>+-[]", c) }) {
			if token == name {
				out[name] = v
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func conditional(expression string) call {
	return call{outcome: "condition " + expression, before: everything(), update: &dynamodb.UpdateItemInput{
		UpdateExpression: aws.String("SET done = s"), ConditionExpression: &expression, ExpressionAttributeValues: used(expression),
	}}
}

func conditions() []call {
	var out []call
	for _, e := range []string{
		"s = :s", "s <> :s", "gone = :s", "gone <> :s", "gone < :n", "n = :n", "n > :nine", "n >= :n AND n <= :n", "s < :n", "n < s", "t = :t", "m = :m", "l = :l",
		"set = :set", "set = :one", "nums = :nums", "e < :s", "m.k = :s OR m.n < :nine", "l[2].x < :nine", "l[9] = :s", "l[0].x = :s", "m[0] = :s",
		"attribute_exists(m.k)", "attribute_exists(m.z)", "attribute_not_exists(l[7])", "attribute_type(m, :type)", "attribute_type(s, :type)",
		"begins_with(s, :p)", "begins_with(s, :s)", "begins_with(n, :p)", "begins_with(gone, :p)", "contains(s, :p)", "contains(ss, :p)", "contains(ss, s)", "contains(l, :n)", "contains(l, m.k)",
		"size(s) = :nine", "size(l) < :nine", "size(m) < :nine", "size(ss) < :nine", "size(n) < :nine", "size(gone) < :nine", "size(e) = :zero",
		"n BETWEEN :nine AND :n", "n between :zero and :nine", "s IN (:p, :s)", "s in (:p)", "gone IN (:s)", "NOT s = :s", "not (s = :p or n = :nine)",
		"s = :p OR s = :s AND n = :nine", "(s = :p OR s = :s) AND n = :n", "NOT NOT s = :s", ":s = s", ":zero < :nine", "s=:s", "n<=:n AND n<>:nine",
		// refused
		"((s = :s))", "(s = :s", "s = :s)", "s = ", "= :s", "s == :s", "s = :s AND", "s", ":s", "attribute_exists(:s)", "attribute_exists(s, n)", "attribute_exists()", "exists(s)",
		"attribute_type(s, :s)", "attribute_type(s, :n)", "begins_with(s, :n)", "s < :t", "s <= :set", "n BETWEEN :n AND :nine", "n BETWEEN :s AND :n", "s = s", "size(:n) < :nine", "size(s)",
		"a b = :s", "status = :s", "value = :s", "1a = :s", "_a = :s", "a-b = :s", "s = :undefined", "#u = :s", "s = :s NOT n = :n", "s IN ()", "s = words", "s = 10", "Attribute_Exists(s)", "s.k = :s", "l[x] = :s", "l[-1] = :s", "",
	} {
		out = append(out, conditional(e))
	}
	return out
}

func updated(expression, answer string) call {
	in := &dynamodb.UpdateItemInput{UpdateExpression: &expression, ExpressionAttributeValues: used(expression)}
	switch answer {
	case "ALL_NEW":
		in.ReturnValues = "ALL_NEW"
	case "UPDATED_NEW":
		in.ReturnValues = "UPDATED_NEW"
	case "UPDATED_OLD":
		in.ReturnValues = "UPDATED_OLD"
	case "ALL_OLD":
		in.ReturnValues = "ALL_OLD"
	}
	return call{outcome: "update " + expression + " " + answer, before: everything(), update: in}
}

func updates() []call {
	var out []call
	for i, e := range []string{
		"SET a = :s", "SET a = :s, b = s, s = n", "SET a = n + :nine", "SET a = n - :nine, b = :n - n", "SET a = if_not_exists(s, :n)", "SET a = if_not_exists(z, :n) + :nine",
		"SET l = list_append(l, :l)", "SET l = list_append(:l, l)", "SET l = list_append(if_not_exists(z, :l), l)", "SET m.fresh = :s", "SET m.l[0] = :s, m.l[5] = :n", "SET l[1] = :t, l[20] = :s",
		"SET l[2].x = l[2].x + :nine", "REMOVE s, n, z", "REMOVE l[0], l[1]", "REMOVE l[9]", "REMOVE m.k, m.l[0]", "ADD n :nine", "ADD z :nine", "ADD ss :none", "ADD z :set", "ADD nums :nums",
		"ADD m.n :nine", "DELETE ss :one", "DELETE ss :set", "DELETE ss :none", "DELETE z :one", "DELETE nums :nums", "SET a = :s REMOVE s ADD n :nine DELETE ss :one", "set a = :s remove s",
		"SET s = m.k", "SET m = l", "SET a = m.k REMOVE m", "SET l[0] = l[1], l[1] = l[0]",
		// refused
		"SET z.a = :s", "SET s.a = :s", "SET m[0] = :s", "SET l.a = :s", "SET a = z", "SET a = s + :n", "SET a = n + :s", "SET a = list_append(s, :l)", "SET a = list_append(l, :s)", "REMOVE z.a", "REMOVE s.a",
		"ADD s :n", "ADD n :s", "ADD n :set", "ADD ss :nums", "ADD l :l", "DELETE ss :nums", "DELETE ss :s", "DELETE s :set", "SET a = :s, a = :n", "SET m.a = :s, m = :m", "SET a.b = :s, a[0] = :n",
		"SET a = :s SET b = :n", "SET id = :s", "REMOVE id", "SET a", "SET a = ", "SET a = :s,", "PUT a = :s", "SET a = :s b = :n", "SET a = n + n + n", "SET a = size(s)", "SET a = nope(s)", "SET a = attribute_exists(s)",
		"SET a = if_not_exists(:s, :n)", "SET status = :s", "SET :s = a", "ADD n 5", "", "SET", "REMOVE a b", "SET a = (n + :n)", "SET a = n + if_not_exists(z, :nine)",
	} {
		out = append(out, updated(e, []string{"ALL_NEW", "UPDATED_NEW", "UPDATED_OLD", "ALL_OLD", ""}[i%5]), updated(e, "UPDATED_NEW"))
	}
	return out
}

// refusals are writes that are refused for something other than an expression.
// DynamoDB Local words some of them in its own way; there only the code counts.
func refusals() []call {
	put := func(outcome string, item av) call {
		return call{outcome: outcome, put: &dynamodb.PutItemInput{Item: item}, ownWords: true}
	}
	return []call{
		put("no key", av{"a": str("b")}), put("key of another type", av{"id": num("1")}), put("empty key", av{"id": str("")}),
		put("broken number", av{"id": str("k"), "n": num("1x")}), put("huge number", av{"id": str("k"), "n": num("1e126")}), put("tiny number", av{"id": str("k"), "n": num("1e-131")}),
		put("39 digits", av{"id": str("k"), "n": num(strings.Repeat("1", 39))}), put("38 digits", av{"id": str("k"), "n": num(strings.Repeat("1", 38) + "00.000")}),
		put("numbers of all forms", av{"id": str("k"), "a": num("1.50"), "b": num("1e3"), "c": num("-0"), "d": num(".5"), "e": num("1E-3"), "f": num("+7"), "g": num("-12.340e2")}),
		put("set twice the same", av{"id": str("k"), "s": set("a", "a")}), put("numbers twice the same", av{"id": str("k"), "s": nums("1", "1.0")}),
		put("too large", av{"id": str("k"), "s": str(strings.Repeat("x", 410_000))}), put("as large as may be", av{"id": str("k"), "s": str(strings.Repeat("x", 400<<10-4))}), put("one byte too large", av{"id": str("k"), "s": str(strings.Repeat("x", 400<<10-3))}),
		{outcome: "answer that a put does not have", put: &dynamodb.PutItemInput{Item: av{"id": str("k")}, ReturnValues: "ALL_NEW"}},
		{outcome: "answer that a delete does not have", remove: &dynamodb.DeleteItemInput{ReturnValues: "UPDATED_OLD"}},
		{outcome: "values without an expression", ownWords: true, put: &dynamodb.PutItemInput{Item: av{"id": str("k")}, ExpressionAttributeValues: av{":a": str("b")}}},
		{outcome: "names without an expression", remove: &dynamodb.DeleteItemInput{ExpressionAttributeNames: names{"#a": "b"}}},
		{outcome: "unused value", remove: &dynamodb.DeleteItemInput{ConditionExpression: aws.String("attribute_exists(a)"), ExpressionAttributeValues: av{":a": str("b")}}},
		{outcome: "unused name", remove: &dynamodb.DeleteItemInput{ConditionExpression: aws.String("attribute_exists(a)"), ExpressionAttributeNames: names{"#a": "b"}}},
		{outcome: "key with a part too many", ownWords: true, remove: &dynamodb.DeleteItemInput{Key: av{"id": str("k"), "sk": num("1")}}},
		{outcome: "update with the key of another table", ownWords: true, update: &dynamodb.UpdateItemInput{Key: av{"pk": str("k")}}},
		{outcome: "update without an expression", update: &dynamodb.UpdateItemInput{ReturnValues: "ALL_NEW"}},
		{outcome: "update of a new item", update: &dynamodb.UpdateItemInput{UpdateExpression: aws.String("ADD hits :one"), ExpressionAttributeValues: av{":one": num("1")}, ReturnValues: "ALL_NEW"}},
		{outcome: "sort key by value", table: "sorted", key: av{"id": str("k"), "sk": num("1")}, before: av{"v": num("1")}, update: &dynamodb.UpdateItemInput{Key: av{"id": str("k"), "sk": num("1.0")}, UpdateExpression: aws.String("SET v = v + v"), ReturnValues: "ALL_NEW"}},
		{outcome: "sort key missing", ownWords: true, table: "sorted", key: av{"id": str("k"), "sk": num("1")}, put: &dynamodb.PutItemInput{Item: av{"id": str("k")}}},
	}
}

// generator makes calls that are mostly right.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) call() call {
	before := av{}
	for name, v := range everything() {
		if g.IntN(4) > 0 {
			before[name] = v
		}
	}
	if g.IntN(5) == 0 {
		before = nil
	}
	update, condition := g.update(), g.condition(2)
	in := &dynamodb.UpdateItemInput{
		UpdateExpression: &update, ConditionExpression: &condition, ExpressionAttributeValues: used(update + " " + condition),
		ReturnValues: "ALL_NEW", ReturnValuesOnConditionCheckFailure: "ALL_OLD",
	}
	return call{outcome: fmt.Sprintf("%s IF %s", update, condition), before: before, update: in}
}

func (g generator) path() string {
	return g.pick("s", "n", "t", "l", "m", "ss", "nums", "e", "z", "m.k", "m.n", "m.l", "m.l[0]", "l[0]", "l[1]", "l[2].x", "l[5]", "z.a")
}

func (g generator) value() string {
	return g.pick(":s", ":p", ":n", ":nine", ":t", ":l", ":m", ":set", ":one", ":nums", ":zero")
}

func (g generator) condition(depth int) string {
	if depth > 0 {
		switch g.IntN(5) {
		case 0:
			return g.condition(depth-1) + " AND " + g.condition(depth-1)
		case 1:
			return g.condition(depth-1) + " OR " + g.condition(depth-1)
		case 2:
			return "NOT (" + g.condition(0) + " OR " + g.condition(depth-1) + ")"
		}
	}
	switch g.IntN(8) {
	case 0:
		return "attribute_exists(" + g.path() + ")"
	case 1:
		return "attribute_not_exists(" + g.path() + ")"
	case 2:
		return "begins_with(" + g.path() + ", " + g.pick(":s", ":p") + ")"
	case 3:
		return "contains(" + g.path() + ", " + g.value() + ")"
	case 4:
		return "size(" + g.path() + ") " + g.pick("<", ">", "=") + " " + g.pick(":n", ":nine", ":zero")
	case 5:
		return g.path() + " IN (" + g.value() + ", " + g.value() + ")"
	case 6:
		return g.path() + " BETWEEN :nine AND :n"
	}
	return g.path() + " " + g.pick("=", "<>", "<", "<=", ">", ">=") + " " + g.value()
}

func (g generator) update() string {
	switch g.IntN(6) {
	case 0:
		return "REMOVE " + g.path()
	case 1:
		return "ADD " + g.path() + " " + g.value()
	case 2:
		return "DELETE " + g.path() + " " + g.value()
	case 3:
		return "SET " + g.path() + " = if_not_exists(" + g.path() + ", " + g.value() + ") REMOVE " + g.path()
	case 4:
		return "SET " + g.path() + " = " + g.path() + " " + g.pick("+", "-") + " " + g.value() + ", q = list_append(" + g.pick("l", "m.l", "s", "z") + ", :l)"
	}
	return "SET " + g.path() + " = " + g.value() + ", " + g.path() + " = " + g.path()
}
