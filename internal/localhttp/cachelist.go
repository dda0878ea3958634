package localhttp

import (
	"time"

	"powertools-extension/internal/localhttp/wire"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
)

// getCache tells what the cache holds: everything but the values.
func getCache(s *Server, x *exchange) error {
	if err := s.available(); err != nil {
		return err
	}
	bytes := 0
	entries := s.deps.Parameters.Entries()
	x.out = append(x.out, `{"entries":[`...)
	for i := range entries {
		if i > 0 {
			x.out = append(x.out, ',')
		}
		x.out = s.appendEntry(x.out, &entries[i])
		bytes += entries[i].Size
	}
	x.out = append(x.out, `],"count":`...)
	x.out = wire.AppendInt(x.out, len(entries))
	x.out = append(x.out, `,"bytes":`...)
	x.out = append(wire.AppendInt(x.out, bytes), '}')
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(200, s.set.json)
}

// appendEntry appends one entry. What selects among several values of a name
// is there only where it was asked for.
func (s *Server) appendEntry(dst []byte, e *paramcache.EntryInfo) []byte {
	dst = append(dst, `{"ref":`...)
	dst = wire.AppendString(dst, s.scrub(e.Ref.String()))
	for _, m := range [...]struct{ name, text string }{
		{"source", string(e.Ref.Source)}, {"name", e.Ref.Name}, {"key", e.Ref.Key}, {"sort", e.Ref.Sort}, {"attribute", e.Ref.ValueAttr},
		{"asked_version", e.Ref.Version}, {"asked_label", e.Ref.Label}, {"region", e.Ref.Region}, {"role_arn", e.Ref.RoleARN},
	} {
		if m.text != "" {
			dst = append(append(append(dst, `,"`...), m.name...), `":`...)
			dst = wire.AppendString(dst, s.scrub(m.text))
		}
	}
	for _, m := range [...]struct {
		name string
		set  bool
	}{
		{"decrypt", e.Ref.Decrypt}, {"recursive", e.Ref.Recursive}, {"item", e.Ref.Item}, {"consistent", e.Ref.Consistent},
	} {
		if m.set {
			dst = append(append(append(dst, `,"`...), m.name...), `":true`...)
		}
	}
	dst = append(dst, `,"version":`...)
	dst = appendVersion(dst, e.Version)
	dst = append(dst, `,"state":`...)
	dst = wire.AppendString(dst, string(e.State))
	dst = append(dst, `,"age":`...)
	dst = wire.AppendInt(dst, int(max(0, e.Age)/time.Second))
	dst = append(dst, `,"hits":`...)
	dst = wire.AppendInt(dst, int(e.Hits))
	dst = append(dst, `,"size":`...)
	return append(wire.AppendInt(dst, e.Size), '}')
}

// deleteCache forgets everything, or what each ?ref= names.
func deleteCache(s *Server, x *exchange) error {
	if err := s.available(); err != nil {
		return err
	}
	var asked []ref.Ref
	for _, text := range x.all("ref") {
		one, err := ref.Parse(text)
		if err != nil {
			return badArgument("ref", "a ref as GET /parameters/cache lists them; "+err.Error())
		}
		asked = append(asked, one)
	}
	purged := 0
	if len(asked) == 0 {
		purged = s.deps.Parameters.PurgeAll()
	}
	for _, one := range asked {
		purged += s.purge(one)
	}
	s.Forget()
	x.out = append(x.out, `{"purged":`...)
	x.out = append(wire.AppendInt(x.out, purged), '}')
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(200, s.set.json)
}

// purge forgets every entry of a ref, whatever version, label or attribute it
// is of, and how many there were. Where the ref names no region or role, those
// of others are forgotten as well. An entry is listed as it was asked for
// first, so a ref that names the same thing in another form is purged too.
func (s *Server) purge(asked ref.Ref) int {
	purged := 0
	forget := func(one ref.Ref) {
		if s.deps.Parameters.Purge(one) {
			purged++
		}
	}
	for _, e := range s.deps.Parameters.Entries() {
		if asked.Means(e.Ref) {
			forget(e.Ref)
		}
	}
	forget(asked)
	return purged
}
