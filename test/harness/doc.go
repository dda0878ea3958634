// Package harness runs the true extension binary in a sandbox of lambdaemu for
// tests: it builds what ships, starts it beside a function, asks its local API
// and reads what CloudWatch Logs would hold.
//
// The rule a reader could break: nothing of the extension is imported here.
// What a user cannot see, these tests cannot see either.
package harness
