// Package differential holds the rules of the extension beside the libraries
// that users know: the same random questions, the same answers.
package differential
