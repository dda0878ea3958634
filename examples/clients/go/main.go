// Everything that the extension does over HTTP, with the client beside it.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/url"
	"os"

	"powertools-extension/examples/clients/go/powertools"
)

func main() {
	log.SetFlags(0)
	if err := place(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func place(ctx context.Context, order string) error {
	lines := json.NewEncoder(os.Stdout) // log lines: the extension adds request id, service and the rest
	greeting, err := powertools.Parameter(ctx, "/demo/greeting", nil)
	if err != nil {
		return err
	}
	text, err := powertools.Parameter(ctx, "/demo/config.json", nil)
	if err != nil {
		return err
	}
	var config struct{ Limits struct{ Burst int } }
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	password, err := powertools.Secret(ctx, "demo/database", url.Values{"key": {"password"}})
	if err != nil {
		return err
	}
	premium, err := powertools.Flag(ctx, "premium", map[string]any{"tier": "gold"}, false)
	if err != nil {
		return err
	}
	charge, err := powertools.Idempotent(ctx, order, func() (string, error) {
		return "charged " + order, lines.Encode(map[string]any{"level": "INFO", "message": "charging", "order": order})
	})
	if err != nil {
		return err
	}
	if err := powertools.Metric(ctx, "OrdersPlaced", 1, "Count"); err != nil {
		return err
	}
	return lines.Encode(map[string]any{
		"level": "INFO", "message": "order placed", "order": order, "greeting": greeting, "burst": config.Limits.Burst,
		"password_length": len(password), "premium": premium, "charge": charge,
	})
}
