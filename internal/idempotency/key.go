package idempotency

import (
	"crypto/md5"  //nolint:gosec // the libraries' default digest of a key, not a protection
	"crypto/sha1" //nolint:gosec // one of the libraries' digests
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"

	"powertools-extension/internal/jmes"
)

// selected applies the key's expression. ok is false where Powertools says
// that there is no key; an expression that fails has found none.
func (e *Engine) selected(req Request) (v jmes.Value, ok bool) {
	v = req.Event
	switch {
	case req.Selected != nil:
		v = *req.Selected
	case e.opt.Key != nil:
		var err error
		if v, err = e.opt.Key.Search(req.Event); err != nil {
			return jmes.Value{}, false
		}
	}
	return v, !e.opt.Format.missing(v)
}

// missing is what the library of the format takes for no key.
func (f Format) missing(v jmes.Value) bool {
	if f == TypeScript {
		return v.Kind() == jmes.Null
	}
	switch v.Kind() {
	case jmes.Null:
		return true
	case jmes.String:
		return v.Str() == ""
	case jmes.Array:
		for _, e := range v.Elements() {
			if e.Kind() != jmes.Null {
				return false
			}
		}
		return true
	case jmes.Object:
		for _, m := range v.Members() {
			if m.Value.Kind() != jmes.Null {
				return false
			}
		}
		return true
	}
	return false
}

// key writes the record's key. Between a scope and a tenant stands a bar, which
// no tenant's id holds: with a dot, scope a of tenant b.c would be scope a.b of
// tenant c.
func (e *Engine) key(req Request, selected jmes.Value) string {
	prefix := e.opt.Prefix
	switch {
	case req.Scope != "" && req.Tenant != "":
		prefix += "." + req.Scope + "|" + req.Tenant
	case req.Scope != "":
		prefix += "." + req.Scope
	case req.Tenant != "":
		prefix += "." + req.Tenant
	}
	return prefix + "#" + e.digest(selected)
}

// validation is the digest of what a repeat must have in common; empty when
// nothing must.
func (e *Engine) validation(req Request) string {
	switch {
	case req.Validate != nil:
		return e.digest(*req.Validate)
	case e.opt.Validation == nil:
		return ""
	}
	v, err := e.opt.Validation.Search(req.Event)
	if err != nil {
		v = jmes.Value{}
	}
	return e.digest(v)
}

func (e *Engine) digest(v jmes.Value) string {
	h := newHash(e.opt.Hash)
	h.Write(e.opt.Format.Serialize(nil, v))
	sum := h.Sum(nil)
	if e.opt.Format == TypeScript {
		return base64.StdEncoding.EncodeToString(sum)
	}
	return hex.EncodeToString(sum)
}

// Hashes are the digests that may be named.
func Hashes() []string { return []string{"md5", "sha1", "sha256", "sha512"} }

func newHash(name string) hash.Hash {
	switch name {
	case "sha1":
		return sha1.New() //nolint:gosec // see above
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return md5.New() //nolint:gosec // see above
}
