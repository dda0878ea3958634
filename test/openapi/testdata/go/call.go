// Command client calls the generated client.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"client/api"
)

func main() {
	ctx := context.Background()
	token := func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
		return nil
	}
	c, err := api.NewClientWithResponses(os.Getenv("API"), api.WithRequestEditorFn(token))
	check(err)

	parameter, err := c.GetParameterWithResponse(ctx, "/app/db", nil)
	check(err)
	fmt.Println(parameter.JSON200.Name, parameter.JSON200.Value, *parameter.JSON200.Version, parameter.JSON200.Source)

	secret, err := c.GetSecretWithResponse(ctx, "app/key", nil)
	check(err)
	fmt.Println(secret.JSON200.Value)

	missing, err := c.GetParameterWithResponse(ctx, "none", nil)
	check(err)
	fmt.Println(missing.ApplicationproblemJSON404.Code, missing.ApplicationproblemJSON404.Status)

	var value api.MetricObject_Metrics_Value
	check(value.FromMetricObjectMetricsValue0(1))
	var object api.MetricObject
	object.Metrics = append(object.Metrics, struct {
		Name       string                             `json:"name"`
		Resolution *api.MetricObjectMetricsResolution `json:"resolution,omitempty"`
		Unit       *string                            `json:"unit,omitempty"`
		Value      api.MetricObject_Metrics_Value     `json:"value"`
	}{Name: "orders", Value: value})
	var body api.MetricsBody
	check(body.FromMetricObject(object))
	recorded, err := c.RecordMetricsWithResponse(ctx, body)
	check(err)
	fmt.Println("accepted", recorded.JSON202.Accepted)

	purged, err := c.PurgeCacheWithResponse(ctx, nil)
	check(err)
	fmt.Println("purged", purged.JSON200.Purged > 0)

	ping, err := c.PingWithResponse(ctx)
	check(err)
	fmt.Println(string(ping.Body))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
