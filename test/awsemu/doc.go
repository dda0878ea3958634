// Package awsemu compares the embedded AWS with emulators of others: the same
// calls of the AWS SDK, the same answers.
//
// The rule a reader could break: what is right is what AWS's own DynamoDB Local
// says; a difference is written down by name in the test that finds it.
package awsemu
