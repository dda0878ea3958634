// Command env is an example function that knows nothing of the extension: it
// reads its database's user and password from plain variables. With the
// wrapper before it their values come from Secrets Manager when it starts:
//
//	DB_USER=powertools+secret:demo/database#username
//	DB_PASSWORD=powertools+secret:demo/database#password
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

type answer struct {
	User     string `json:"user"`
	Password string `json:"password"` // how long it is: a secret is not for answers
}

func handle(context.Context) (answer, error) {
	return answer{os.Getenv("DB_USER"), fmt.Sprintf("%d characters", len(os.Getenv("DB_PASSWORD")))}, nil
}

func main() { lambda.Start(handle) }
