package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// plain is the argument that makes the test binary itself the plain function:
// a handler that needs nothing of the extension.
const plain = "-plain-function"

func plainFunction() {
	lambda.Start(func(_ context.Context, event json.RawMessage) (any, error) {
		var in struct {
			Fail    bool `json:"fail"`
			SleepMs int  `json:"sleep_ms"`
			Exit    int  `json:"exit"`
			Lines   int  `json:"lines"`
			Length  int  `json:"length"`
			Print   []string
		}
		if err := json.Unmarshal(event, &in); err != nil {
			return nil, err
		}
		fmt.Println("a plain line")
		fmt.Println(`{"level":"INFO","message":"a JSON line","order":7}`)
		for _, text := range in.Print {
			fmt.Println(text)
		}
		for i := range in.Lines {
			fmt.Printf("line %d %s\n", i, strings.Repeat("x", in.Length))
		}
		time.Sleep(time.Duration(in.SleepMs) * time.Millisecond)
		if in.Exit != 0 {
			os.Exit(in.Exit)
		}
		if in.Fail {
			return nil, errors.New("the handler failed on purpose")
		}
		return map[string]any{"ok": true}, nil
	})
}
