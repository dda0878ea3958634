package differential

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/flags"
	"powertools-extension/internal/jmes"
	"powertools-extension/test/harness"
)

// cases is how many questions each test asks: a sample here, 10,000 and more
// with make differential.
var cases = flag.Int("cases", 400, "questions of each kind")

// seed makes a run repeatable.
var seed = flag.Uint64("seed", 1, "of the random questions")

// library is another program that answers questions line by line.
type library struct {
	in  *json.Encoder
	out *bufio.Scanner
}

func begin(t *testing.T, cmd *exec.Cmd) *library {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	l := &library{json.NewEncoder(in), bufio.NewScanner(out)}
	l.in.SetEscapeHTML(false)
	l.out.Buffer(nil, 16<<20)
	return l
}

func python(t *testing.T) *library {
	t.Helper()
	packages := harness.Need(t, "powertools/python")
	cmd := exec.Command(harness.Need(t, "python/bin/python"), "libraries.py")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONDONTWRITEBYTECODE=1", "POWERTOOLS_DEV=1", "PYTHONWARNINGS=ignore")
	return begin(t, cmd)
}

func ajv(t *testing.T) *library {
	t.Helper()
	return begin(t, exec.Command("node", "ajv.mjs", harness.Need(t, "powertools")))
}

func (l *library) ask(t *testing.T, question any) map[string]any {
	t.Helper()
	if err := l.in.Encode(question); err != nil {
		t.Fatal(err)
	}
	if !l.out.Scan() {
		t.Fatalf("no answer: %v", l.out.Err())
	}
	var answer map[string]any
	if err := json.Unmarshal(l.out.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, l.out.Bytes())
	}
	return answer
}

// ours parses a document of the test's own making.
func ours(t *testing.T, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// sameJSON compares as Python prints and Go reads.
func sameJSON(t *testing.T, ours string, theirs any) bool {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(ours), &v); err != nil {
		t.Fatalf("%v: %s", err, ours)
	}
	return reflect.DeepEqual(v, theirs)
}

func random() *rand.Rand { return rand.New(rand.NewPCG(*seed, 2)) }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// TestFeatureFlags: documents and contexts at random, the ones that are wrong
// too. Three kinds of documents are refused here alone and are not made:
// times that are not HH:MM, the day DAYS, booleans as bounds of MODULO_RANGE.
// What a key that is not there means is TestMissingKeys's matter.
func TestFeatureFlags(t *testing.T) {
	lib, r := python(t), random()
	refused := 0
	for i := range *cases {
		g := &flagMaker{r}
		document, context := g.document(), g.context()
		now := 1_700_000_000 + r.Int64N(40_000_000)
		theirs := lib.ask(t, map[string]any{"kind": "flags", "document": json.RawMessage(document), "context": json.RawMessage(context), "now": now})
		doc, err := flags.Compile(ours(t, document))
		if (err != nil) != (theirs["error"] != nil) {
			t.Errorf("case %d: ours %v, theirs %v\n%s", i, err, theirs, document)
			continue
		}
		if err != nil {
			refused++
			continue
		}
		c, _ := flags.NewContext(ours(t, context))
		at := time.Unix(now, 0)
		for _, info := range doc.Features() {
			got, _ := doc.Evaluate(info.Name, c, at)
			if want := theirs["values"].(map[string]any)[info.Name]; !sameJSON(t, string(got.Value), want) {
				t.Errorf("case %d, %s: ours %s by %s %s, theirs %v\n%s\ncontext %s at %s", i, info.Name, got.Value, got.Reason, got.Rule, want, document, context, at.UTC())
			}
		}
		enabled, _ := json.Marshal(doc.Enabled(c, at))
		if !sameJSON(t, string(enabled), theirs["enabled"]) {
			t.Errorf("case %d: enabled %s, theirs %v\n%s\n%s", i, enabled, theirs["enabled"], document, context)
		}
		if t.Failed() && i > 20 {
			break
		}
	}
	t.Logf("%d documents, %d of them refused by both", *cases, refused)
}

// TestMissingKeys: a member that the context does not have is null, as it was
// in the library before 3.37, whose results the vectors of package flags are.
// Since then it never meets a condition there, not even NOT_EQUALS. Whoever
// changes one of the two sides finds it here.
func TestMissingKeys(t *testing.T) {
	lib := python(t)
	for action, differs := range map[string]bool{
		"NOT_EQUALS": true, "NOT_IN": true, "KEY_NOT_IN_VALUE": true,
		"EQUALS": false, "IN": false, "KEY_IN_VALUE": false, "VALUE_NOT_IN_KEY": false, "VALUE_IN_KEY": false, "NONE_IN_VALUE": false, "ANY_IN_VALUE": false, "ALL_IN_VALUE": false, "STARTSWITH": false,
	} {
		document := fmt.Sprintf(`{"f":{"default":false,"rules":{"r":{"when_match":true,"conditions":[{"action":%q,"key":"none","value":["a"]}]}}}}`, action)
		theirs := lib.ask(t, map[string]any{"kind": "flags", "document": json.RawMessage(document), "context": map[string]any{}, "now": 0})
		doc, err := flags.Compile(ours(t, document))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := flags.NewContext(ours(t, "{}"))
		got, _ := doc.Evaluate("f", c, time.Time{})
		want := theirs["values"].(map[string]any)["f"].(bool)
		if (string(got.Value) == "true") != (want != differs) {
			t.Errorf("%s: ours %s, theirs %v", action, got.Value, want)
		}
	}
}

// flagMaker makes documents of which most are right.
type flagMaker struct{ r *rand.Rand }

func (g *flagMaker) scalar() string {
	return pick(g.r, `true`, `false`, `0`, `1`, `2`, `-1`, `5`, `5.0`, `1.5`, `100`, `""`, `"a"`, `"ab"`, `"abc"`, `"5"`, `"B"`, `"é"`, `"2026-01-31"`)
}

func (g *flagMaker) any(depth int) string {
	switch n := g.r.IntN(10); {
	case n < 6 || depth == 0:
		return g.scalar()
	case n < 7:
		return "null"
	case n < 9:
		var list []string
		for range g.r.IntN(4) {
			list = append(list, g.any(depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var list []string
	for _, name := range []string{"a", "b", "5"} {
		if g.r.IntN(2) == 0 {
			list = append(list, fmt.Sprintf("%q:%s", name, g.any(depth-1)))
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

func (g *flagMaker) context() string {
	var list []string
	for _, key := range []string{"k", "tier", "n", "list"} {
		list = append(list, fmt.Sprintf("%q:%s", key, g.any(2)))
	}
	return "{" + strings.Join(list, ",") + "}"
}

func (g *flagMaker) document() string {
	var list []string
	for i := range 1 + g.r.IntN(3) {
		list = append(list, fmt.Sprintf(`"f%d":%s`, i, g.feature()))
	}
	return "{" + strings.Join(list, ",") + "}"
}

func (g *flagMaker) feature() string {
	boolean := g.r.IntN(3) > 0
	value := func() string {
		if boolean {
			return pick(g.r, "true", "false")
		}
		return g.any(2)
	}
	out := `{"default":` + value()
	if !boolean {
		out += `,"boolean_type":false`
	}
	if g.r.IntN(5) > 0 {
		var rules []string
		for i := range 1 + g.r.IntN(3) {
			var conditions []string
			for range 1 + g.r.IntN(2) {
				conditions = append(conditions, g.condition())
			}
			rules = append(rules, fmt.Sprintf(`"r%d":{"when_match":%s,"conditions":[%s]}`, i, value(), strings.Join(conditions, ",")))
		}
		out += `,"rules":{` + strings.Join(rules, ",") + `}`
	}
	return out + "}"
}

func (g *flagMaker) condition() string {
	action := pick(g.r, "EQUALS", "NOT_EQUALS", "KEY_GREATER_THAN_VALUE", "KEY_GREATER_THAN_OR_EQUAL_VALUE", "KEY_LESS_THAN_VALUE", "KEY_LESS_THAN_OR_EQUAL_VALUE",
		"STARTSWITH", "ENDSWITH", "IN", "NOT_IN", "KEY_IN_VALUE", "KEY_NOT_IN_VALUE", "VALUE_IN_KEY", "VALUE_NOT_IN_KEY", "ALL_IN_VALUE", "ANY_IN_VALUE", "NONE_IN_VALUE",
		"MODULO_RANGE", "SCHEDULE_BETWEEN_TIME_RANGE", "SCHEDULE_BETWEEN_DATETIME_RANGE", "SCHEDULE_BETWEEN_DAYS_OF_WEEK")
	key, value := pick(g.r, "k", "tier", "n", "list"), g.any(2)
	if !strings.Contains(action, "NOT_") && g.r.IntN(5) == 0 {
		key = "none"
	}
	zone := pick(g.r, "", "", `,"TIMEZONE":"Europe/Copenhagen"`, `,"TIMEZONE":"America/New_York"`, `,"TIMEZONE":"Asia/Kathmandu"`)
	right := g.r.IntN(12) > 0
	switch action {
	case "ALL_IN_VALUE", "ANY_IN_VALUE", "NONE_IN_VALUE":
		if right {
			value = "[" + g.any(1) + "," + g.any(1) + "]"
		}
	case "MODULO_RANGE":
		value = fmt.Sprintf(`{"BASE":%s,"START":%d,"END":%d}`, pick(g.r, "100", "3", "7", "1"), g.r.IntN(3), g.r.IntN(5))
	case "SCHEDULE_BETWEEN_TIME_RANGE":
		key, value = "CURRENT_TIME", fmt.Sprintf(`{"START":"%02d:%02d","END":"%02d:%02d"%s}`, g.r.IntN(24), g.r.IntN(60), g.r.IntN(24), g.r.IntN(60), zone)
	case "SCHEDULE_BETWEEN_DATETIME_RANGE":
		key, value = "CURRENT_DATETIME", fmt.Sprintf(`{"START":"%s","END":"%s"%s}`, g.date(), g.date(), zone)
	case "SCHEDULE_BETWEEN_DAYS_OF_WEEK":
		key, value = "CURRENT_DAY_OF_WEEK", fmt.Sprintf(`{"DAYS":["%s","%s"]%s}`, pick(g.r, "MONDAY", "TUESDAY", "SUNDAY", "SATURDAY"), pick(g.r, "FRIDAY", "WEDNESDAY", "THURSDAY"), zone)
	}
	if g.r.IntN(300) == 0 || key == "none" && strings.Contains(value, "null") {
		key = "k"
	}
	return fmt.Sprintf(`{"action":%q,"key":%q,"value":%s}`, action, key, value)
}

func (g *flagMaker) date() string {
	at := time.Unix(1_690_000_000+g.r.Int64N(60_000_000), 0).UTC()
	return at.Format(pick(g.r, "2006-01-02T15:04:05", "2006-01-02", "2006-01-02T15:04"))
}
