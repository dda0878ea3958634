package logtime

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	want := time.Date(2024, 1, 15, 11, 30, 45, 123_000_000, time.UTC)
	for text, zoned := range map[string]bool{
		"2024-01-15T11:30:45.123Z": true, "2024-01-15T13:30:45.123+02:00": true, "2024-01-15T11:30:45.123+0000": true,
		"2024-01-15 11:30:45,123+0000": true, "2024-01-15 12:30:45,123+01:00": true, "2024-01-15 11:30:45.123 +00:00": true,
		"2024-01-15t06:30:45.123-05": true, "2024-01-15T11:30:45.123000000z": true, "2024-01-15T11:30:45.1230000+00:00": true,
		"1705318245123": true, "1705318245.123": true, "1705318245123000": true, "1705318245123000000": true,
		"2024-01-15 11:30:45.123": false, "2024-01-15T11:30:45,123": false, "2024/01/15 11:30:45.123": false,
	} {
		at, z, ok := Parse([]byte(text))
		if !ok || z != zoned || at.Round(time.Millisecond) != want {
			t.Errorf("%s: %v, zoned %v, %v", text, at, z, ok)
		}
	}
	for _, text := range []string{
		"", "yesterday", "1", "-5", "1e400", "NaN", "12345678901234567890123", "30/Nov/2026 15:00:00", "2024-01-15", "2024-01-15T11:30",
		"2024-02-30T11:30:45Z", "2024-13-15T11:30:45Z", "2024-01-15T24:30:45Z", "2024-01-15T11:30:45.Z", "2024-01-15T11:30:45 Z",
		"2024-01-15T11:30:45+2", "2024-01-15T11:30:45Zx", "2024-01/15T11:30:45Z", "1705318245.", "1705318245x", "0000-00-00T00:00:00Z",
	} {
		if at, _, ok := Parse([]byte(text)); ok {
			t.Errorf("%q: %v, want none", text, at)
		}
	}
}

// FuzzParse holds what is read to time.Parse where that knows the form.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"2024-01-15T11:30:45.123Z", "2024-01-15T11:30:45+02:00", "2024-02-29T00:00:00.999999999-11:59", "1705318245.123", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, zoned, ok := Parse([]byte(text))
		if !ok && (zoned || !at.IsZero()) {
			t.Fatalf("%q: none, and yet %v", text, at)
		}
		want, err := time.Parse(time.RFC3339Nano, text)
		if err == nil && want.Year() > 0 && len(text) >= 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' && (!ok || !at.Equal(want) || !zoned) {
			t.Fatalf("%q: %v, want %v", text, at, want)
		}
	})
}

func TestParseDoesNotAllocate(t *testing.T) {
	text := []byte("2024-01-15 11:30:45,123+0000")
	if n := testing.AllocsPerRun(100, func() { Parse(text) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte("2024-01-15T11:30:45.123Z")
	for b.Loop() {
		Parse(text)
	}
}
