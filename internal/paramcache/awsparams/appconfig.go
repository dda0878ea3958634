package awsparams

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/singleflight"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
)

const (
	// tokenLife is how long a token is used: it is good for 24 hours. (AppConfig
	// API Reference, "GetLatestConfiguration")
	tokenLife = 23*time.Hour + 45*time.Minute

	// shortestPoll is the shortest interval that a session can ask for. (AppConfig
	// API Reference, "StartConfigurationSession")
	shortestPoll = 15 * time.Second

	// Bounds of what is kept of sessions; those used longest ago go first. One
	// answer lies in the session and in the cache, so the sessions get half.
	maxSessions     = 50
	maxSessionBytes = 8 << 20
)

// profile names one configuration.
type profile struct{ name, region, role string }

// session is a profile's conversation with AppConfig. Times are wall clock.
type session struct {
	token  string // for the next poll; empty: a new session is needed
	issued time.Time
	polled time.Time
	next   time.Time // before it, AppConfig wants no poll

	last paramcache.Value // the answer that holds until another one comes
	has  bool
	used time.Time
}

// sessions keeps one session per profile, and lets one poll at a time at it:
// a token is good for one poll.
type sessions struct {
	polls singleflight.Group

	mu        sync.Mutex
	known     map[profile]session
	size      int    // bytes of their answers
	forgotten uint64 // counts forget: a poll from before one is not kept
}

// key is the profile as the name of its poll.
func (at profile) key() string { return at.name + "\x00" + at.region + "\x00" + at.role }

// configuration reads the profile through its session.
func (p *Provider) configuration(ctx context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	parts := strings.Split(ref.Name, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" || strings.ContainsRune(ref.Name, 0) {
		return paramcache.Value{}, badRequest(ref, "not application/environment/profile", "name all three")
	}
	at := profile{ref.Name, ref.ReadIn(), ref.RoleARN}
	all := p.current()
	v, err, _ := all.polls.Do(at.key(), func() (any, error) {
		s, mark := all.recall(at)
		err := p.poll(ctx, ref, parts, &s)
		if p.opt.Keep == nil || p.opt.Keep() {
			all.keep(at, s, mark, p.maxSession())
		}
		v := s.last
		v.Polled = s.polled
		return v, err
	})
	if err != nil {
		return paramcache.Value{}, err
	}
	value, _ := v.(paramcache.Value)
	return value, nil
}

// maxSession bounds the answers of all sessions, in bytes.
func (p *Provider) maxSession() int {
	if p.opt.MaxBytes <= 0 {
		return maxSessionBytes
	}
	return min(p.opt.MaxBytes/2, maxSessionBytes)
}

func (p *Provider) current() *sessions {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions
}

// poll brings the session up to date. A poll before its time would be refused,
// so the last answer stands until then. A token that is too old is not tried;
// one that is refused all the same costs one new session.
func (p *Provider) poll(ctx context.Context, ref paramcache.Ref, parts []string, s *session) error {
	at := now()
	s.used = at
	if s.has && !at.Before(s.polled) && at.Before(s.next) {
		return nil
	}
	fresh := false
	if age := at.Sub(s.issued); s.token == "" || age < 0 || age >= tokenLife {
		if err := p.begin(ctx, ref, parts, s); err != nil {
			return err
		}
		fresh = true
	}
	err := p.latest(ctx, ref, s)
	if failed, ok := errors.AsType[*paramcache.Error](err); !ok || fresh || failed.Kind != paramcache.KindBadRequest {
		return err
	}
	if err := p.begin(ctx, ref, parts, s); err != nil {
		return err
	}
	return p.latest(ctx, ref, s)
}

// beginIn and beginOut are the request and the answer of
// StartConfigurationSession. (AppConfig API Reference,
// "StartConfigurationSession")
type beginIn struct {
	Application string `json:"ApplicationIdentifier"`
	Environment string `json:"EnvironmentIdentifier"`
	Profile     string `json:"ConfigurationProfileIdentifier"`
	MinimumPoll int    `json:"RequiredMinimumPollIntervalInSeconds,omitempty"`
}

type beginOut struct {
	InitialConfigurationToken string
}

func (p *Provider) begin(ctx context.Context, ref paramcache.Ref, parts []string, s *session) error {
	s.token = ""
	in := beginIn{Application: parts[0], Environment: parts[1], Profile: parts[2]}
	if p.opt.ConfigPoll >= shortestPoll {
		in.MinimumPoll = int(min(p.opt.ConfigPoll, 24*time.Hour) / time.Second)
	}
	var out beginOut
	err := p.call(ctx, ref, action{awsapi.AppConfigData, "StartConfigurationSession"},
		awsapi.REST{Method: http.MethodPost, Path: "/configurationsessions", Body: in}, &out)
	if err != nil {
		return err
	}
	s.token, s.issued = out.InitialConfigurationToken, now()
	return nil
}

// latest polls once. An empty answer means that the last one stands.
func (p *Provider) latest(ctx context.Context, ref paramcache.Ref, s *session) error {
	var out awsapi.Raw
	asked := now() // an answer is as old as the question
	err := p.call(ctx, ref, action{awsapi.AppConfigData, "GetLatestConfiguration"},
		awsapi.REST{Method: http.MethodGet, Path: "/configuration", Query: url.Values{"configuration_token": {s.token}}}, &out)
	if err != nil {
		return err
	}
	at := now()
	s.token, s.issued, s.polled, s.next = out.Header.Get("Next-Poll-Configuration-Token"), at, asked, at
	if seconds, err := strconv.Atoi(out.Header.Get("Next-Poll-Interval-In-Seconds")); err == nil && seconds > 0 {
		wait := min(time.Duration(seconds), 86400) * time.Second
		if p.opt.ConfigPoll > 0 && p.opt.ConfigPoll < shortestPoll {
			wait = min(wait, shortestPoll) // a poll that comes too early costs one new session
		}
		s.next = at.Add(wait)
	}
	if len(out.Body) > 0 || !s.has {
		s.last, s.has = deployed(ref, out), true
	}
	return nil
}

// deployed is a configuration as it was deployed.
func deployed(ref paramcache.Ref, out awsapi.Raw) paramcache.Value {
	v := paramcache.Value{Name: ref.Name, Version: out.Header.Get("Version-Label"), ContentType: out.Header.Get("Content-Type")}
	if utf8.Valid(out.Body) {
		v.Text, v.IsText = paramcache.Secret(out.Body), true
	} else {
		v.Binary = out.Body
	}
	return v
}

// recall returns the profile's session, and the mark that keep wants back.
func (all *sessions) recall(at profile) (s session, mark uint64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.known[at], all.forgotten
}

// forget ends the profile's session; without a region, those in all regions.
func (all *sessions) forget(at profile) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.forgotten++
	all.polls.Forget(at.key())
	for other := range all.known {
		if other.name == at.name && other.role == at.role && (at.region == "" || at.region == other.region) {
			all.polls.Forget(other.key())
			all.remove(other)
		}
	}
}

func (all *sessions) held() int {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.size
}

func (all *sessions) remove(at profile) {
	all.size -= all.known[at].held()
	delete(all.known, at)
}

// held is how many bytes the session's answer has.
func (s session) held() int {
	if !s.has {
		return 0
	}
	return s.last.Size()
}

// keep files the session and drops others for it. One that never began is not
// worth that: its name may be invented.
func (all *sessions) keep(at profile, s session, mark uint64, maxBytes int) {
	if s.token == "" && !s.has {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if mark != all.forgotten {
		return
	}
	all.remove(at)
	if s.held() > maxBytes {
		return
	}
	all.known[at] = s
	all.size += s.held()
	for len(all.known) > maxSessions || all.size > maxBytes {
		oldest := at
		for other, s := range all.known {
			if other != at && (oldest == at || s.used.Before(all.known[oldest].used)) {
				oldest = other
			}
		}
		all.remove(oldest)
	}
}
