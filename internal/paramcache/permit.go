package paramcache

// permit is an error where the allow-list does not contain the ref.
func (c *Cache) permit(asked Ref) *Error {
	if c.allowed.Permits(asked) {
		return nil
	}
	return &Error{
		Kind:    KindAccessDenied,
		Ref:     asked,
		Region:  c.regionOf(asked),
		Code:    "NotAllowed",
		Message: "the allow-list does not contain it",
		Cure:    "add " + c.allowed.Missing(asked) + " or a glob that matches it to POWERTOOLS_PARAMETERS_ALLOW",
	}
}
