package app

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
)

// writeBudget is how long the answer of POST /metrics waits for stdout, which
// takes what it is given at once unless its reader stands still.
const writeBudget = 100 * time.Millisecond

// newMetrics builds what takes the function's own metrics.
func (a *App) newMetrics() *emf.Intake {
	aggregator := emf.NewAggregator(emf.Options{
		Namespace:  a.cfg.MetricsNamespace,
		Service:    a.cfg.MetricsService,
		Dimensions: dimensions(a.cfg.MetricsDimensions),
		Disabled:   a.cfg.MetricsDisabled,
		Out:        a.stdout.Put,
		OnDefault:  a.namespace.missing,
		OnReject: func(why *emf.LimitError) {
			a.log.Warn("custom metrics are refused; the answer of POST /metrics names them, the ledger counts them. Said once for each reason",
				zap.String("field", why.Field), zap.String("reason", why.Rule))
		},
		OnOverflow: func(sets int) {
			a.log.Warn("too many different metric dimensions; further ones are kept under dimension_overflow=true", zap.Int("sets", sets))
		},
	})
	for _, problem := range aggregator.Problems() {
		a.complainOf(problem)
	}
	return emf.NewIntake(aggregator, emf.IntakeOptions{
		Write: func() { a.writer.write(writeBudget) },
		Guard: func(work func()) { a.guard("write custom metrics", work) },
	})
}

// namespaceWarning says once that metrics go to a namespace that nobody chose:
// with the first metric, because a function without metrics needs none.
type namespaceWarning struct {
	log   *zap.Logger
	unset bool
	once  sync.Once
}

func (w *namespaceWarning) missing() {
	if w.unset {
		w.once.Do(func() { w.log.Warn("configuration: " + config.NamespaceMissing().String()) })
	}
}
