package awsparams

import (
	"context"
	"errors"
	"slices"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

const (
	maxNames   = 10 // of one GetParameters
	maxSecrets = 20 // of one BatchGetSecretValue
	// singleFor is how long batches are not tried after it turned out that the
	// role may read the values but not by a batch. Batches are permissions of
	// their own, which functions made for other extensions do not have.
	singleFor  = 10 * time.Minute
	maxSingles = 64
)

// account is where a batch permission holds.
type account struct{ service, region, role string }

// batch is refs of one FetchMany and what came of them.
type batch struct {
	refs   []paramcache.Ref
	values []paramcache.Value
	errs   []error
}

func (b *batch) set(i int, v paramcache.Value, err error) { b.values[i], b.errs[i] = v, err }

// BatchSize is how many refs like this one fit into one call.
func (p *Provider) BatchSize(ref paramcache.Ref) int {
	size, what := batchOf(ref)
	if size < 2 {
		return 1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.single[account{what.service, p.region(ref), ref.RoleARN}].After(now()) {
		return 1
	}
	return size
}

// batchOf is the batch operation that can read the ref, and for how many refs.
// BatchGetSecretValue knows no version and no stage.
func batchOf(ref paramcache.Ref) (int, action) {
	switch {
	case ref.Name == "" || ref.Group():
	case ref.Source == paramcache.SSM && (ref.Version == "" || ref.Label == ""):
		return maxNames, action{awsapi.SSM, "GetParameters"}
	case ref.Source == paramcache.Secrets && ref.Version == "" && (ref.Label == "" || ref.Label == "AWSCURRENT"):
		return maxSecrets, action{awsapi.SecretsManager, "BatchGetSecretValue"}
	}
	return 1, action{}
}

// FetchMany reads several values of one source, region, role and decryption.
// What a batch leaves open is read alone, so one bad name spoils nothing.
func (p *Provider) FetchMany(ctx context.Context, refs []paramcache.Ref) ([]paramcache.Value, []error) {
	b := &batch{refs, make([]paramcache.Value, len(refs)), make([]error, len(refs))}
	for _, chunk := range p.chunks(refs) {
		p.fetchChunk(ctx, b, chunk.index)
	}
	return b.values, b.errs
}

// chunk is refs, by index, that one call can read.
type chunk struct {
	index []int
	first paramcache.Ref
	names map[string]bool
}

// takes tells whether the ref may join: one call has one region, one role and
// one answer to whether it decrypts. And one thing is in it once, whatever its
// selectors and ways of writing: the service counts names, and its answer could
// not be told apart.
func (p *Provider) takes(c *chunk, ref paramcache.Ref, size int) bool {
	return len(c.index) < size && c.first.Source == ref.Source && c.first.Decrypt == ref.Decrypt &&
		c.first.RoleARN == ref.RoleARN && p.region(c.first) == p.region(ref) && !c.names[ref.Bare()]
}

// region is where the ref is read; empty: the function's region.
func (p *Provider) region(ref paramcache.Ref) string {
	if region := ref.ReadIn(); region != p.opt.Region {
		return region
	}
	return ""
}

// chunks splits the refs into what one call can read.
func (p *Provider) chunks(refs []paramcache.Ref) (chunks []*chunk) {
	for i, ref := range refs {
		size := p.BatchSize(ref)
		at := slices.IndexFunc(chunks, func(c *chunk) bool { return size > 1 && p.takes(c, ref, size) })
		if at < 0 {
			at = len(chunks)
			chunks = append(chunks, &chunk{first: ref, names: map[string]bool{}})
			if size < 2 {
				chunks[at].first = paramcache.Ref{} // nobody joins
			}
		}
		chunks[at].index, chunks[at].names[ref.Bare()] = append(chunks[at].index, i), true
	}
	return chunks
}

// fetchChunk makes one call for the chunk, and single ones for what it leaves
// open.
func (p *Provider) fetchChunk(ctx context.Context, b *batch, chunk []int) {
	denied := false
	if len(chunk) > 1 {
		left, err := p.fetchTogether(ctx, b, chunk)
		switch {
		case err == nil:
			chunk = left
		case !worthAlone(err):
			_, what := batchOf(b.refs[chunk[0]])
			for _, i := range chunk {
				b.set(i, paramcache.Value{}, translate(b.refs[i], what, err))
			}
			return
		default:
			denied = isDenied(err)
		}
	}
	for _, i := range chunk {
		v, err := p.Fetch(ctx, b.refs[i])
		b.set(i, v, err)
		if failed, ok := errors.AsType[*paramcache.Error](err); ok && failed.Kind != paramcache.KindNotFound {
			denied = false // it was not the batch: some value of it is the matter
		}
	}
	if denied {
		p.goAlone(b.refs[chunk[0]])
	}
}

// fetchTogether fills in what one call answers and returns what it left open.
func (p *Provider) fetchTogether(ctx context.Context, b *batch, chunk []int) (left []int, err error) {
	if b.refs[chunk[0]].Source == paramcache.SSM {
		return p.parameters(ctx, b, chunk)
	}
	return p.secrets(ctx, b, chunk)
}

// worthAlone tells whether the values may be readable one by one: one of them,
// or the batch itself, was refused. Where the service is not well or credentials
// are not, more calls would make it worse.
func worthAlone(err error) bool {
	if errors.Is(err, awsapi.ErrTooLarge) || isDenied(err) {
		return true
	}
	refused, ok := errors.AsType[*awsapi.ServiceError](err)
	if !ok || refused.Service == awsapi.STS || refused.Throttled() {
		return false
	}
	kind, known := kindOf(refused.Code)
	if !known {
		kind = kindByStatus(refused.Status)
	}
	return kind == paramcache.KindBadRequest || kind == paramcache.KindNotFound
}

// isDenied tells whether IAM refused, which it does for the whole batch where
// one value is forbidden.
func isDenied(err error) bool {
	refused, ok := errors.AsType[*awsapi.ServiceError](err)
	return ok && refused.Service != awsapi.STS &&
		(refused.Code == "AccessDeniedException" || refused.Code == "AccessDenied" || refused.Code == "NotAuthorized")
}

// goAlone notes that the role may not batch there.
func (p *Provider) goAlone(ref paramcache.Ref) {
	_, what := batchOf(ref)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.single) >= maxSingles {
		clear(p.single)
	}
	p.single[account{what.service, p.region(ref), ref.RoleARN}] = now().Add(singleFor)
}
