package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/extapi"
	"powertools-extension/internal/flush"
)

// buffering is how often the platform sends. With stdout alone nobody waits
// for a batch, but a copy of a line should stand behind its own END and not
// two invocations later. Where an invocation may be held for remote
// destinations, it is as short as can be. maxItems is set because the documentation disagrees about
// its default.
func (a *App) buffering() extapi.Buffering {
	b := extapi.Buffering{MaxItems: 10_000, MaxBytes: 1 << 20, Timeout: 100 * time.Millisecond}
	if a.ways.Any() {
		b.Timeout = flush.Mode(a.cfg.Flush).Buffering(a.managed())
	}
	return b
}

// subscribe asks for the stream with the newest schema and falls back once.
// Whatever the platform answers, the function lives on: without a stream
// there are no enriched lines and no platform metrics, and that is said once.
func (a *App) subscribe(ctx context.Context) {
	if a.stream.server == nil {
		return // said when the listener could not be bound
	}
	err := a.trySubscribe(ctx, extapi.SchemaNewest)
	if refusedSchema(err) && !a.managed() {
		a.log.Warn("telemetry schema refused, falling back", zap.Error(err),
			zap.String("refused", extapi.SchemaNewest), zap.String("used", extapi.SchemaFallback))
		err = a.trySubscribe(ctx, extapi.SchemaFallback)
	}
	if err == nil {
		return
	}
	a.degrade("telemetry", "no telemetry stream: "+err.Error())
	missing := "no telemetry stream: log lines are not enriched and platform metrics are missing; parameters and custom metrics work"
	if a.inPlace != nil {
		missing = "no telemetry stream: platform metrics are missing, and log lines are enriched in place only; parameters and custom metrics work"
	}
	a.log.Warn(missing, zap.Error(err))
	a.stream.refuse()
}

func (a *App) trySubscribe(ctx context.Context, schema string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return a.api.Subscribe(ctx, extapi.Subscription{
		SchemaVersion: schema,
		Types:         []string{extapi.TypePlatform, extapi.TypeFunction},
		Buffering:     a.buffering(),
		URI:           a.stream.server.URI(),
	})
}

// refusedSchema reports whether an older schema may be accepted.
func refusedSchema(err error) bool {
	var answer *extapi.APIError
	return errors.As(err, &answer) &&
		(answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound)
}
