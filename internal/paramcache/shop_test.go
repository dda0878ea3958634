package paramcache

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// shop is a Provider with everything: it batches by ten, it throttles beyond so
// many calls in a second, and it writes down each call as its names. A value is
// its name and the number of its version, v1 at first.
type shop struct {
	mu        sync.Mutex
	calls     []string
	took      time.Duration
	perSecond int // calls; 0: any number
	err       error
	alone     bool // no batches
	version   map[string]int
	forgotten int
	forgot    []string // by ForgetRef
	held      int

	second   time.Time
	inSecond int
	refused  int
}

// enter is the beginning of a call.
func (s *shop) enter(ctx context.Context, refs []Ref) error {
	s.mu.Lock()
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.String()
	}
	s.calls = append(s.calls, strings.Join(names, " "))
	took, err := s.took, s.err
	if now := time.Now(); s.perSecond > 0 {
		if now.Sub(s.second) >= time.Second {
			s.second, s.inSecond = now, 0
		}
		if s.inSecond++; s.inSecond > s.perSecond {
			s.refused++
			err = &Error{Kind: KindThrottled, Code: "ThrottlingException", Message: "Rate exceeded"}
		}
	}
	s.mu.Unlock()
	if took > 0 {
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (s *shop) value(ref Ref) (Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(ref.Name, "none") {
		return Value{}, &Error{Kind: KindNotFound, Message: "not found"}
	}
	n := s.version[ref.Name] + 1
	text := Secret(fmt.Sprintf("%s v%d", ref.Name, n))
	v := Value{Name: ref.Name, Text: text, IsText: true, Version: fmt.Sprint(n)}
	if ref.Group() {
		v = Value{Name: ref.Name, Members: []Value{}}
		if !strings.HasPrefix(ref.Name, "/empty") {
			v.Members = []Value{{Name: ref.Name + "/a", Text: text, IsText: true}, {Name: ref.Name + "/b", Text: text, IsText: true}}
		}
	}
	return v, nil
}

func (s *shop) Fetch(ctx context.Context, ref Ref) (Value, error) {
	if err := s.enter(ctx, []Ref{ref}); err != nil {
		return Value{}, err
	}
	return s.value(ref)
}

func (s *shop) FetchMany(ctx context.Context, refs []Ref) ([]Value, []error) {
	values, errs := make([]Value, len(refs)), make([]error, len(refs))
	failed := s.enter(ctx, refs)
	for i, ref := range refs {
		if errs[i] = failed; failed == nil {
			values[i], errs[i] = s.value(ref)
		}
	}
	return values, errs
}

func (s *shop) BatchSize(Ref) int {
	if s.alone {
		return 1
	}
	return 10
}

func (s *shop) Store(ctx context.Context, ref Ref, setting Setting) (string, error) {
	if err := s.enter(ctx, []Ref{ref}); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == nil {
		s.version = map[string]int{}
	}
	s.version[ref.Name]++
	return fmt.Sprint(s.version[ref.Name] + 1), nil
}

func (s *shop) Forget() { s.forgotten++ }

func (s *shop) ForgetRef(ref Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgot = append(s.forgot, ref.String())
}

func (s *shop) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *shop) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// taken is the calls since the last time.
func (s *shop) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func ssmRefs(names ...string) (refs []Ref) {
	for _, name := range names {
		refs = append(refs, ssmRef(name))
	}
	return refs
}
