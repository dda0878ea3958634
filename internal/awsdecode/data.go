package awsdecode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"unicode/utf8"

	"powertools-extension/internal/jmes"
)

// payload writes a text, and what it says if it is JSON.
func (d *decoder) payload(name string, v jmes.Value) {
	d.value(name, v)
	d.parsed("json", v)
}

// parsed writes a text that is JSON as what it says, any other not at all.
func (d *decoder) parsed(name string, v jmes.Value) {
	if v.Kind() != jmes.String {
		return
	}
	d.json(name, []byte(v.Str()))
}

func (d *decoder) json(name string, text []byte) {
	if v, err := jmes.Parse(text); err == nil {
		d.name(name)
		d.out = v.Append(d.out)
	}
}

// data writes what base64 holds: as text, and parsed if it is JSON; what is no
// text as base64.
func (d *decoder) data(name, binary string, v jmes.Value) {
	if v.Kind() != jmes.String {
		return
	}
	data, why := d.decoded(v.Str())
	switch {
	case why != "":
		d.fail(name + " " + why)
	case !utf8.Valid(data):
		d.name(binary).add(`"`)
		d.out = base64.StdEncoding.AppendEncode(d.out, data)
		d.add(`"`)
	default:
		d.name(name).quote(string(data))
		d.json("json", data)
	}
}

// decoded takes base64 off, and gzip where the data begins like it. Else it
// says why not.
func (d *decoder) decoded(text string) (data []byte, why string) {
	if d.left -= base64.StdEncoding.DecodedLen(len(text)); d.left < 0 {
		return nil, "and what stands before it are more than 16 MiB"
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, "is not base64"
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b, 8}) {
		return data, ""
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data, "" // it only begins like it
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(d.left)+1))
	if d.left -= len(out); d.left < 0 {
		return nil, "is gzip of more than 16 MiB"
	}
	if err != nil {
		return data, ""
	}
	return out, ""
}
