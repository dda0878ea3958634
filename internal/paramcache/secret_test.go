package paramcache

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const canary = "c4n4ry-value"

// leaks lists the forms in which the canary could come out of a formatter.
func leaks(text string) []string {
	var found []string
	for _, form := range []string{
		canary,
		fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary), fmt.Sprintf("% X", canary),
		fmt.Sprint([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
		"YzRuNHJ5LXZhbHVl", // base64
		fmt.Sprintf("%q", canary), canary[:4],
	} {
		if strings.Contains(text, form) {
			found = append(found, form)
		}
	}
	return found
}

func carriers() map[string]any {
	secret := Secret(canary)
	value := Value{Name: "/app/db", Text: secret, Binary: []byte(canary), Version: "3", SourceResult: &secret}
	cache := newTest(&upstream{answer: func(Ref, int) Value { return value }}, roomy())
	result, _ := cache.Get(context.Background(), ssmRef("/app/db"), Options{})
	stored := cache.entries.find(cache.home.Key(ssmRef("/app/db")))
	return map[string]any{
		"secret":              secret,
		"pointer":             &secret,
		"slice":               []Secret{secret},
		"array":               [1]Secret{secret},
		"map":                 map[string]Secret{"k": secret},
		"struct":              struct{ S Secret }{secret},
		"any in a struct":     struct{ S any }{secret},
		"value":               value,
		"pointer to a value":  &value,
		"values":              []Value{value},
		"result":              result,
		"pointer to a result": &result,
		"transformed":         Transformed{JSON: []byte(canary), Binary: []byte(canary), Text: secret},
		"transformed pointer": &Transformed{Text: secret},
		"entry":               *stored,
		"pointer to an entry": stored,
		"entries":             cache.Entries(),
		"error":               &Error{Kind: KindNotFound, Ref: ssmRef("/app/db"), Message: "gone"},
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%c", "%U", "%t", "%e", "%g", "%b", "%o", "%O", "%!", "%10.3v", "%-40s", "%+q", "%#q", "%.2s", "%z", "x"}
	for name, carrier := range carriers() {
		t.Run(name, func(t *testing.T) {
			for _, verb := range verbs {
				if found := leaks(fmt.Sprintf(verb, carrier)); found != nil {
					t.Errorf("%s prints %q", verb, found)
				}
			}
			if found := leaks(fmt.Sprint(carrier) + fmt.Sprintln(carrier) + fmt.Errorf("%w: %v", fmt.Errorf("x"), carrier).Error()); found != nil {
				t.Errorf("Sprint prints %q", found)
			}
		})
	}
}

func TestNothingEncodesASecret(t *testing.T) {
	for name, carrier := range carriers() {
		if name == "entry" || name == "pointer to an entry" {
			carrier = fmt.Sprint(carrier) // has functions and locks, is not encoded
		}
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(carrier)
			if err != nil {
				t.Error(err)
			}
			indented, _ := json.MarshalIndent(map[string]any{"v": carrier}, "", " ")
			asXML, _ := xml.Marshal(carrier)
			if found := leaks(string(encoded) + string(indented) + string(asXML)); found != nil {
				t.Errorf("an encoder prints %q", found)
			}
			for _, encoder := range []zapcore.Encoder{zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())} {
				var out bytes.Buffer
				log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel))
				log.Info("x", zap.Any("any", carrier), zap.Reflect("reflect", carrier), zap.String("text", fmt.Sprint(carrier)), zap.Inline(fields{carrier}))
				log.Sugar().Infow("x", "key", carrier)
				log.Sugar().Infof("%v %s", carrier, carrier)
				if stringer, ok := carrier.(fmt.Stringer); ok {
					log.Info("x", zap.Stringer("stringer", stringer))
				}
				if found := leaks(out.String()); found != nil || !strings.Contains(out.String(), "any") {
					t.Errorf("zap prints %q", found)
				}
			}
			var out bytes.Buffer
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", carrier)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", carrier)
			if found := leaks(out.String()); found != nil {
				t.Errorf("slog prints %q", found)
			}
		})
	}
}

// fields is a carrier as one of the fields of a log object.
type fields struct{ carrier any }

func (f fields) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	return enc.AddReflected("inline", f.carrier)
}

func TestSecretPrintsRedacted(t *testing.T) {
	if got := fmt.Sprintf("%v %s %q %x %#v %d", Secret("a"), Secret("a"), Secret("a"), Secret("a"), Secret("a"), Secret("a")); got != strings.TrimSpace(strings.Repeat("[redacted] ", 6)) {
		t.Errorf("printed %s", got)
	}
	if got, _ := json.Marshal(Secret("a")); string(got) != `"[redacted]"` {
		t.Errorf("encoded %s", got)
	}
	if got := fmt.Sprintf("%+v", Value{Name: "/app/db", Version: "3", Text: "a"}); got != "{/app/db version 3 [redacted]}" {
		t.Errorf("printed %s", got)
	}
	if Secret("a").Reveal() != "a" {
		t.Error("Reveal does not")
	}
}
