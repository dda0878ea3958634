package paramcache

import "powertools-extension/internal/ref"

// What a read names is the business of package ref; here are its words as the
// callers of a cache write them.
type (
	Source = ref.Source
	Ref    = ref.Ref
)

// The sources.
const (
	SSM       = ref.SSM
	Secrets   = ref.Secrets
	DynamoDB  = ref.DynamoDB
	AppConfig = ref.AppConfig
)
