// Command go reads one parameter with the standard library.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	req, err := http.NewRequest(http.MethodGet, "http://localhost:2773/parameters/ssm/demo/greeting?format=text", nil)
	if err != nil {
		log.Fatal(err)
	}
	if port := os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT"); port != "" {
		req.URL.Host = "localhost:" + port
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status, " ", string(text), err)
	}
	fmt.Print(string(text))
}
