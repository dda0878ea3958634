// Package foreign runs extensions that are built on other people's clients,
// as they are, on lambdaemu: beside a function alone, and beside the
// powertools extension.
//
// The rule a reader could break: nothing here works around a client's defect.
// What a client gets wrong is an expected outcome with its reason.
package foreign
