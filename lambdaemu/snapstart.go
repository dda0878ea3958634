package lambdaemu

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// This file is SnapStart: init ends in a snapshot, and the first invocation
// begins with a restore that resumes every process in the middle of the call it
// had made (AWS page: snapstart; AWS source: rapid/handlers handleRestore). The
// snapshot is the processes themselves, stopped: a second environment is not
// made from it, it runs its own init.

// credentialsPath is mounted under SnapStart only (AWS source: rapi/server).
const credentialsPath = "/2021-04-23/credentials"

// restoreLimit is for the restore and the function's hooks together (AWS page:
// snapstart-runtime-hooks).
const restoreLimit = 10 * time.Second

// credentialLife is how long restored credentials say they are good for.
const credentialLife = 6 * time.Hour

// credentialKey names the variables that no process has under SnapStart.
func credentialKey(name string) bool {
	return name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN"
}

// handleCredentials is what the container provider of every SDK calls (AWS
// source: rapi/handler/credentials).
func handleCredentials(s *sandbox, w http.ResponseWriter, r *http.Request) {
	if !s.opt.snapStart() {
		http.NotFound(w, r)
		return
	}
	if r.Header.Get("Authorization") != s.env.containerToken {
		s.script.Add(whoPlatform, "credentials", "→ 404 wrong token")
		http.NotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, s.currentCredentials())
}

type credentialsAnswer struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	Token           string `json:"Token"`
	Expiration      string `json:"Expiration"`
}

// currentCredentials prefers the customer's, which a local AWS may want.
func (s *sandbox) currentCredentials() credentialsAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, given := s.opt.Env["AWS_SESSION_TOKEN"]
	if !given {
		token = s.env.creds.token
	}
	return credentialsAnswer{
		AccessKeyID:     cmp.Or(s.opt.Env["AWS_ACCESS_KEY_ID"], s.env.creds.keyID),
		SecretAccessKey: cmp.Or(s.opt.Env["AWS_SECRET_ACCESS_KEY"], s.env.creds.secret),
		Token:           token,
		Expiration:      time.Now().Add(credentialLife).UTC().Format(time.RFC3339),
	}
}

// snapshot stops what init has made.
func (s *sandbox) snapshot() {
	s.mu.Lock()
	s.isSnapshot = true
	s.mu.Unlock()
	s.script.Add(whoPlatform, "snapshot", "")
	s.procs.freeze()
}

// restore resumes a snapshot and returns when the runtime's hooks are done, that
// is when it has called /invocation/next. Extensions are not told: they stay in
// the /next they had called before. A sandbox that is no snapshot has nothing to
// restore.
func (s *sandbox) restore(ctx context.Context) (time.Duration, *failure) {
	if !s.takeSnapshot() {
		return 0, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, restoreLimit, &failure{status: statusTimeout, message: "restore timed out"})
	defer cancel()
	begin := time.Now()
	s.script.Add(whoPlatform, "restore", "")
	s.procs.thaw()
	s.out.logRestoreStart()
	failed := s.resumeRuntime(ctx)
	s.procs.drain()
	s.out.logRestoreRuntimeDone(failed)
	took := time.Since(begin)
	s.out.logRestoreReport(took, failed)
	s.script.Add(whoPlatform, "restore end", initOutcome(failed))
	return took, failed
}

// takeSnapshot reports whether there is one and gives it what differs between
// the environments made of one snapshot: credentials and log stream.
func (s *sandbox) takeSnapshot() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isSnapshot {
		return false
	}
	s.isSnapshot = false
	s.env.creds = inventCredentials()
	s.env.id = newIdentity(s.opt, time.Now())
	return true
}

func (s *sandbox) resumeRuntime(ctx context.Context) *failure {
	s.mu.Lock()
	if s.runtime.machine.restore != nil {
		close(s.runtime.machine.restore)
		s.runtime.machine.restore, s.runtime.machine.state = nil, runtimeRestoring
	}
	s.mu.Unlock()
	return s.await(ctx, s.allReadyLocked)
}

// handleRestoreNext suspends a runtime that has hooks until the restore; one
// without may call /invocation/next at once (AWS page: runtimes-api).
func handleRestoreNext(s *sandbox, w http.ResponseWriter, r *http.Request) {
	if !s.opt.snapStart() {
		http.NotFound(w, r)
		return
	}
	s.procs.drain()
	restored, failed := s.runtime.suspendForRestore()
	if failed != nil {
		s.script.Add(whoRuntime, "restore/next", "→ 403 "+failed.Type)
		writeAPIError(w, failed)
		return
	}
	select {
	case <-restored:
		s.script.Add(whoRuntime, "restored", "")
	case <-s.gone:
		writeAPIError(w, internalServerError())
	}
}

// handleRestoreError is a hook that failed: unlike an init error it takes effect
// at once (AWS source: rapi/handler/restoreerror).
func handleRestoreError(s *sandbox, w http.ResponseWriter, r *http.Request) {
	if !s.opt.snapStart() {
		http.NotFound(w, r)
		return
	}
	errorType := validErrorType(r.Header.Get(headerFunctionError))
	body := errorBody(r)
	if failed := s.runtime.restoreError(errorType, body); failed != nil {
		writeAPIError(w, failed)
		return
	}
	s.script.Add(whoRuntime, "restore/error", errorType+" → 202")
	writeAccepted(w)
}
