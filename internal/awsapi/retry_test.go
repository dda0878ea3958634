package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts connections that live in memory, so that a synctest
// bubble sees every wait.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connKey is where a handler finds its connection.
type connKey struct{}

// bubbleClient returns a client whose only server is h. Call it inside a
// bubble.
func bubbleClient(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // a server notices a client that went away only after the body
		h(w, r)
	})}
	srv.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	go srv.Serve(l)
	c := New(Options{Lookup: lookupIn(map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://aws.test", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
	})})
	c.net.dial = l.dial
	t.Cleanup(func() { c.CloseIdle(); srv.Close() })
	return c
}

var getSecret = Operation{Service: SecretsManager, Name: "GetSecretValue"}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
}

func TestWhatIsTriedAgain(t *testing.T) {
	for _, tc := range []struct {
		name     string
		status   int
		code     string
		requests int64
	}{
		{"internal", 500, "InternalServerError", 3},
		{"unavailable", 503, "ServiceUnavailable", 3},
		{"request timed out at the service", 400, "RequestTimeoutException", 3},
		{"not found", 400, "ParameterNotFound", 1},
		{"denied", 400, "AccessDeniedException", 1},
		{"invalid", 400, "ValidationException", 1},
		{"wrong keys", 403, "SignatureDoesNotMatch", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int64
				c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1); refuse(w, tc.status, tc.code, "m") })
				start := time.Now()
				err := c.Call(t.Context(), getSecret, nil, nil)
				var service *ServiceError
				if !errors.As(err, &service) || service.Code != tc.code {
					t.Errorf("error %v", err)
				}
				if n.Load() != tc.requests {
					t.Errorf("%d requests, want %d", n.Load(), tc.requests)
				}
				// 25 to 100 ms, then 50 to 200 ms
				if spent := time.Since(start); tc.requests == 3 && (spent < 75*time.Millisecond || spent > 300*time.Millisecond) {
					t.Errorf("paused for %v", spent)
				} else if tc.requests == 1 && spent != 0 {
					t.Errorf("paused for %v before giving up", spent)
				}
			})
		})
	}
}

func TestBudgetBoundsAllAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubbleClient(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		err := c.Call(t.Context(), getSecret, nil, nil)
		var transport *TransportError
		if !errors.As(err, &transport) || !transport.Timeout || err.Error() != "secretsmanager GetSecretValue: no answer in time: context deadline exceeded" {
			t.Errorf("error %v", err)
		}
		if spent := time.Since(start); spent != 3*time.Second {
			t.Errorf("took %v", spent)
		}
	})
}

// A pause that would outlast the budget is not begun: the caller learns at once
// that it was throttled, not later that time ran out.
func TestNoPauseBeyondTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubbleClient(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "ThrottlingException", "") })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := c.Call(ctx, getSecret, nil, nil)
		if !errors.As(err, new(*ServiceError)) || ctx.Err() != nil {
			t.Errorf("error %v", err)
		}
	})
}

func TestCancelledByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubbleClient(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := c.Call(ctx, getSecret, nil, nil)
		var transport *TransportError
		if !errors.As(err, &transport) || transport.Timeout || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// A dead host costs its retries; a connection that is lost each time is tried
// once at once and then with pauses.
func TestLostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := bubbleClient(t, func(http.ResponseWriter, *http.Request) { n.Add(1); panic(http.ErrAbortHandler) })
		err := c.Call(t.Context(), getSecret, nil, nil)
		if !errors.Is(err, io.EOF) || n.Load() != 4 {
			t.Errorf("%v after %d requests", err, n.Load())
		}
	})
}

// All pooled connections died in the same freeze. The call must not try them
// one after the other.
func TestFreezeKillsTheWholePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var frozen sync.Map // connections that are dead without knowing it
		var aborted atomic.Int64
		c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) {
			conn := r.Context().Value(connKey{})
			if _, dead := frozen.Load(conn); dead {
				aborted.Add(1)
				panic(http.ErrAbortHandler)
			}
			time.Sleep(time.Second) // so that the calls below need a connection each
			frozen.Store(conn, true)
			io.WriteString(w, "{}")
		})
		errs := make(chan error)
		for range DefaultMaxConnections {
			go func() { errs <- c.Call(context.Background(), getSecret, nil, nil) }()
		}
		for range DefaultMaxConnections {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		start := time.Now()
		if err := c.Call(t.Context(), getSecret, nil, nil); err != nil {
			t.Fatal(err)
		}
		if n, spent := aborted.Load(), time.Since(start); n != 1 || spent != time.Second {
			t.Errorf("%d dead connections tried, answer after %v", n, spent)
		}
	})
}

func signTime(t *testing.T, r *http.Request) time.Time {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Error(err)
	}
	return at
}

func TestClockSkewIsLearnt(t *testing.T) {
	for _, tc := range []struct {
		name, code, message string
		offset              time.Duration
	}{
		{"own code", "RequestTimeTooSkewed", "", 17 * time.Minute},
		{"said in words", "InvalidSignatureException", "Signature not yet current: 20000101T000000Z is still later than", -6 * time.Minute},
		{"only the clocks tell", "SignatureDoesNotMatch", "", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int64
				c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) {
					n.Add(1)
					clock := time.Now().Add(tc.offset)
					w.Header().Set("Date", clock.UTC().Format(http.TimeFormat))
					if clock.Sub(signTime(t, r)).Abs() > 5*time.Minute {
						refuse(w, 403, tc.code, tc.message)
						return
					}
					io.WriteString(w, "{}")
				})
				for range 2 { // the second call knows already
					if err := c.Call(t.Context(), getSecret, nil, nil); err != nil {
						t.Fatal(err)
					}
				}
				if n.Load() != 3 {
					t.Errorf("%d requests, want 3", n.Load())
				}
			})
		})
	}
}

// The sandbox slept between signing and sending: the clock is right, only the
// signature is old.
func TestSignatureThatSleptIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
			if n.Add(1) == 1 {
				refuse(w, 400, "InvalidSignatureException", "Signature expired: 20000101T000000Z is now earlier than 20000101T001500Z")
				return
			}
			io.WriteString(w, "{}")
		})
		if err := c.Call(t.Context(), getSecret, nil, nil); err != nil || n.Load() != 2 {
			t.Errorf("%v after %d requests", err, n.Load())
		}
		if skew := c.skew.Load(); skew != 0 {
			t.Errorf("learnt an offset of %v", time.Duration(skew))
		}
	})
}

// Without a Date nothing can be learnt, but a new signature may still be young
// enough.
func TestAgedSignatureWithoutDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := bubbleClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			if n.Add(1) == 1 {
				refuse(w, 400, "RequestExpired", "")
				return
			}
			io.WriteString(w, "{}")
		})
		if err := c.Call(t.Context(), getSecret, nil, nil); err != nil || n.Load() != 2 {
			t.Errorf("%v after %d requests", err, n.Load())
		}
	})
}

// A clock that no answer can satisfy must not cause a loop.
func TestSkewIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := bubbleClient(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); refuse(w, 403, "RequestTimeTooSkewed", "") })
		err := c.Call(t.Context(), getSecret, nil, nil)
		if err == nil || n.Load() != 2 {
			t.Errorf("%v after %d requests", err, n.Load())
		}
	})
}

// Credentials that end while the sandbox sleeps are replaced by the wall clock,
// whatever the monotonic clock says.
func TestCredentialsAreReplacedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		until := cacheUntil(now.Add(time.Hour), now)
		time.Sleep(56 * time.Minute)
		if !until.Before(time.Now()) {
			t.Errorf("credentials with %v left are used on", time.Until(now.Add(time.Hour)))
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, most atomic.Int64
		c := bubbleClient(t, func(w http.ResponseWriter, _ *http.Request) {
			n := open.Add(1)
			defer open.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(100 * time.Millisecond)
			io.WriteString(w, "{}")
		})
		errs := make(chan error)
		for range 9 {
			go func() { errs <- c.Call(context.Background(), getSecret, nil, nil) }()
		}
		for range 9 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if most.Load() != DefaultMaxConnections {
			t.Errorf("%d connections at once", most.Load())
		}
	})
}

func TestForgetWhileCalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubbleClient(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Millisecond); io.WriteString(w, "{}") })
		done := make(chan error)
		for range 3 {
			go func() {
				for range 20 {
					if err := c.Call(context.Background(), getSecret, strings.Repeat("x", 10), nil); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 10 {
			time.Sleep(2 * time.Millisecond)
			c.Forget()
			c.CloseIdle()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
