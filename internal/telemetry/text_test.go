package telemetry

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

func TestTrimNewlineTakesOneBreak(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\r": "a\r", "\n": "", "\r\n": "", "\n\r\n": "\n", "a\nb": "a\nb",
	} {
		if got := string(trimNewline([]byte(in))); got != want {
			t.Errorf("trimNewline(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWholeTextAtEveryByte(t *testing.T) {
	const escaped = `aé\n€\u00e9\ud83d\ude00😀\\\"z`
	whole := []string{"", "a", "aé", "aé\n", "aé\n€", "aé\n€é", "aé\n€é\uFFFD", "aé\n€é😀", "aé\n€é😀😀", "aé\n€é😀😀\\", "aé\n€é😀😀\\\"", "aé\n€é😀😀\\\"z"}
	seen := map[string]bool{}
	for n := range len(escaped) + 1 {
		got := string(jsonbytes.Unescape(wholeText([]byte(escaped[:n]))))
		if !utf8.ValidString(got) {
			t.Errorf("cut at %d: %q is not whole", n, got)
		}
		seen[got] = true
	}
	for _, want := range whole {
		if !seen[want] {
			t.Errorf("no cut gives %q", want)
		}
		delete(seen, want)
	}
	for got := range seen {
		t.Errorf("a cut gives %q", got)
	}
}

func TestWholeTextKeepsForeignBytes(t *testing.T) {
	if got := wholeText([]byte("a\xff")); string(got) != "a\xff" {
		t.Errorf("got %q", got)
	}
	if got := wholeText([]byte("\x80\x80\x80\x80")); string(got) != "\x80\x80\x80\x80" {
		t.Errorf("got %q", got)
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]time.Time{
		"2022-10-12T00:03:50.000Z":      time.Date(2022, 10, 12, 0, 3, 50, 0, time.UTC),
		"2024-02-29T23:59:59.999Z":      time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.UTC),
		"2022-10-12T00:03:50Z":          time.Date(2022, 10, 12, 0, 3, 50, 0, time.UTC),
		"2022-10-12T02:03:50.25+02:00":  time.Date(2022, 10, 12, 0, 3, 50, 25e7, time.UTC),
		"2022-10-12T00:03:50.123456Z":   time.Date(2022, 10, 12, 0, 3, 50, 123456e3, time.UTC),
		"2023-02-29T00:00:00.000Z":      {},
		"2022-13-12T00:03:50.000Z":      {},
		"2022-00-12T00:03:50.000Z":      {},
		"2022-10-00T00:03:50.000Z":      {},
		"2022-10-12T24:03:50.000Z":      {},
		"2022-10-12T00:60:50.000Z":      {},
		"2022-10-12T00:03:60.000Z":      {},
		"2022-10-12 00:03:50.000Z":      {},
		"2022-1x-12T00:03:50.000Z":      {},
		"":                              {},
		"yesterday":                     {},
		"1676051031000":                 {},
		"2022-10-12T00:03:50.000Zextra": {},
	} {
		if got := parseTime([]byte(in)); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("parseTime(%q) = %v, want %v", in, got, want)
		}
	}
}

// FuzzPlatformTime holds the fast form to time.Parse.
func FuzzPlatformTime(f *testing.F) {
	f.Add("2022-10-12T00:03:50.000Z")
	f.Add("2024-02-30T00:00:00.001Z")
	f.Add("0000-10-01T00:00:00.+00Z")
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := parsePlatformTime([]byte(in))
		want, err := time.Parse("2006-01-02T15:04:05.000Z", in)
		// time.Parse allows a comma before the fraction and a sign in it, too, which
		// are left to it.
		if ok != (err == nil && len(in) == 24 && in[19] == '.' && !strings.ContainsAny(in[20:], "+-")) {
			t.Fatalf("parsePlatformTime(%q) ok = %v, time.Parse: %v", in, ok, err)
		}
		if ok && !got.Equal(want) {
			t.Fatalf("parsePlatformTime(%q) = %v, want %v", in, got, want)
		}
	})
}

// FuzzClock holds the clock, whatever it read before, to parseTime.
func FuzzClock(f *testing.F) {
	f.Add("2022-10-12T00:03:50.000Z", "2022-10-12T00:03:50.999Z", "2022-10-12T00:03:51.001Z")
	f.Add("2022-10-12T00:03:50.999Z", "2022-10-12T00:03:50.00xZ", "2022-10-12T00:03:50,001Z")
	f.Add("0001-01-01T00:00:00.000Z", "", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00000Z")
	f.Fuzz(func(t *testing.T, a, b, d string) {
		var c clock
		for _, in := range []string{a, b, a, d, b} {
			if got, want := c.parse([]byte(in)), parseTime([]byte(in)); got != want {
				t.Fatalf("%q after %q: %v, want %v", in, []string{a, b, d}, got, want)
			}
		}
	})
}
