package paramcache

import "context"

// Set writes a value through a Provider that is a Setter and forgets what the
// cache has of it and of the groups it is in. A write whose outcome is unknown
// makes the cache forget as well. The error is an *Error.
func (c *Cache) Set(ctx context.Context, ref Ref, s Setting) (version string, err error) {
	if denied := c.permit(ref); denied != nil {
		return "", writing(ref, denied)
	}
	setter, ok := c.provider.(Setter)
	if !ok || ref.Group() {
		return "", writing(ref, &Error{Kind: KindBadRequest, Code: "NotWritable", Message: "it cannot be written"})
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.TimeoutOf(ref.Source))
	defer cancel()
	version, failed := c.store(ctx, setter, ref, s)
	if failed == nil || !failed.definitive() {
		c.Purge(ref)
	}
	if failed != nil {
		return "", writing(ref, failed)
	}
	return version, nil
}

// store is the provider's Store with every failure made an *Error, a panic too.
func (c *Cache) store(ctx context.Context, setter Setter, ref Ref, s Setting) (version string, failed *Error) {
	defer func() {
		if p := recover(); p != nil {
			version, failed = "", c.panicked(ref, p)
		}
	}()
	version, err := setter.Store(ctx, ref, s)
	if err != nil {
		return "", c.asError(ref, err)
	}
	return version, nil
}

// writing is the failure of a write.
func writing(ref Ref, failed *Error) *Error {
	e := *failed
	e.Op, e.Ref = "write", ref
	return &e
}
