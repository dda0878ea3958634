package paramcache

import (
	"context"

	"go.uber.org/zap"
)

// GetMany answers several reads at once: hits from memory, the others batched
// where the Provider is a Batcher. Both answers have the length and the order
// of refs; an error is an *Error, nil where there is a result.
func (c *Cache) GetMany(ctx context.Context, refs []Ref, opt Options) ([]Result, []error) {
	results, errs := make([]Result, len(refs)), make([]error, len(refs))
	reads, waits := make([]read, len(refs)), make([]bool, len(refs))
	var flights []*flight
	for i, ref := range refs {
		if failed := c.permit(ref); failed != nil {
			c.countError()
			errs[i] = failed
			continue
		}
		r := &reads[i]
		*r = c.newRead(ref, opt)
		var done bool
		results[i], done, errs[i] = c.recall(r)
		waits[i] = !done
		if r.leads {
			flights = append(flights, r.flight)
		}
	}
	c.launch(flights...)
	for i := range refs {
		if waits[i] {
			results[i], errs[i] = c.await(ctx, &reads[i])
		}
		c.tell(&reads[i], &results[i])
	}
	return results, errs
}

// Warm fetches what is not in the cache yet. It returns when all fetches are
// done or ctx is; what is late arrives later. Reads of the refs meanwhile share
// the fetches. What fails is logged and left to the reads.
func (c *Cache) Warm(ctx context.Context, refs []Ref) {
	wanted := make([]Ref, 0, len(refs))
	for _, ref := range refs {
		if c.config.maxAge(ref.Source) > 0 { // else it would be fetched for nobody
			wanted = append(wanted, ref)
		}
	}
	_, errs := c.GetMany(ctx, wanted, Options{})
	for i, err := range errs {
		if err != nil {
			c.log.Warn("not there yet at start, it is fetched when it is read", zap.Stringer("ref", wanted[i]), zap.Error(err))
		}
	}
}
