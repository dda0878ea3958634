// Package archtest holds the repository's own rules as tests: floors, kinds, the
// AWS SDK's one home, forbidden dependencies, package comments, nothing
// before main.
//
// The rule a reader could break: a rule that is not tested here is a wish.
package archtest
