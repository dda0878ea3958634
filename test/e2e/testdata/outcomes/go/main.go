// Command go is the Go function of the table of outcomes. A program of its
// own, because the race detector's binaries run out of memory in other words.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// rawHandler posts what it returns as it is: an empty answer stays empty.
type rawHandler func(ctx context.Context, event []byte) ([]byte, error)

// Invoke implements lambda.Handler.
func (h rawHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	lambda.Start(rawHandler(func(_ context.Context, event []byte) ([]byte, error) {
		var in struct{ Do string }
		if err := json.Unmarshal(event, &in); err != nil {
			return nil, err
		}
		switch in.Do {
		case "throw":
			return nil, errors.New("quantity is negative")
		case "catch":
			logger.Error("lookup failed, default used", "errorType", "LookupError", "stack", "main.lookup")
		case "exit":
			os.Exit(1)
		case "memory":
			limit := syscall.Rlimit{Cur: 1 << 30, Max: 1 << 30}
			if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
				return nil, err
			}
			kept := make([]byte, 8<<30)
			return kept[:1], nil
		case "sleep":
			time.Sleep(time.Minute)
		case "empty":
			return nil, nil
		}
		return []byte(`{"status":"ok"}`), nil
	}))
}
