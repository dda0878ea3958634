// Package idempotency holds the records of idempotency to their promises: a
// model test of random lives against a table, the libraries of Powertools as
// the other side of one table, and what a store that fails does.
package idempotency
