// Command go reads as a Go function would that was written for AWS's layers.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

var client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{Proxy: nil}}

func main() {
	port := os.Getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
	var parameter struct{ Parameter struct{ Value string } }
	decode(get(port, "/systemsmanager/parameters/get?withDecryption=true&name="+url.QueryEscape("/demo/db-password")), &parameter)
	fmt.Println(parameter.Parameter.Value)

	var secret struct{ SecretString string }
	decode(get(port, "/secretsmanager/get?secretId=demo/database"), &secret)
	var database struct {
		Password string `json:"password"`
	}
	decode([]byte(secret.SecretString), &database)
	fmt.Println(database.Password)

	if port := os.Getenv("AWS_APPCONFIG_EXTENSION_HTTP_PORT"); port != "" {
		fmt.Println(string(get(port, "/applications/demo/environments/prod/configurations/banner")))
	}
}

func get(port, path string) []byte {
	req, err := http.NewRequest(http.MethodGet, "http://localhost:"+port+path, nil)
	must(err)
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	res, err := client.Do(req)
	must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(err)
	if res.StatusCode != http.StatusOK {
		must(fmt.Errorf("%s %s", res.Status, body))
	}
	return body
}

func decode(text []byte, into any) { must(json.Unmarshal(text, into)) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
