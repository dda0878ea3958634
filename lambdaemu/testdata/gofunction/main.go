// Command gofunction is a function on aws-lambda-go, for the test that runs a
// real runtime client against the emulator.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do string `json:"do"`
}

func handle(ctx context.Context, e event) (map[string]any, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	fmt.Println("did", e.Do)
	switch e.Do {
	case "error":
		return nil, errors.New("it broke")
	case "panic":
		panic("no way")
	case "exit":
		os.Exit(7)
	case "sleep":
		time.Sleep(time.Minute)
	}
	return map[string]any{
		"requestId": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "left": time.Until(deadline) > 0,
		"function": lambdacontext.FunctionName, "stream": lambdacontext.LogStreamName, "trace": os.Getenv("_X_AMZN_TRACE_ID"),
	}, nil
}

func main() { lambda.Start(handle) }
