// Command once charges an order once: a repeat prints what the first run
// answered.
package main

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func ask(step, body string) (status int, answer string) {
	port := cmp.Or(os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT"), "2773")
	req, err := http.NewRequest(http.MethodPost, "http://localhost:"+port+"/idempotency/"+step, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= http.StatusMultipleChoices { // 409 and 503
		log.Fatal(res.Status, " ", string(text), err)
	}
	return res.StatusCode, string(text)
}

func charge(order string) string {
	log.Print("charging ", order)
	return "charged " + order
}

func main() {
	status, answer := ask("begin?format=text", fmt.Sprintf(`{"key":%q}`, os.Args[1]))
	if status == http.StatusCreated { // the answer is the execution's id; 200: it is what was stored
		id := answer
		answer = charge(os.Args[1])
		ask("complete?id="+id, answer) // or fail?id=…
	}
	fmt.Print(answer)
}
