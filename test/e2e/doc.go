// Package e2e runs the true extension binary beside real functions on
// lambdaemu, in front of real AWS emulators, and looks at what CloudWatch
// Logs would hold.
//
// The rule a reader could break: nothing of the extension is imported here.
// What a user cannot see, these tests cannot see either.
package e2e
