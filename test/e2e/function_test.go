package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"powertools-extension/internal/awsemu"
)

// The test binary itself is the plain function: a handler that needs nothing
// of the extension.
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

// self is the test binary, which becomes the plain function when it is told so.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// aws is the embedded AWS, for faults that a real emulator does not have.
type fake struct {
	*awsemu.Server
	URL string
}

func fakeAWS(t *testing.T) fake {
	t.Helper()
	text, err := os.ReadFile("../../examples/params.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := awsemu.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	server := awsemu.New(data)
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	return fake{server, srv.URL}
}
