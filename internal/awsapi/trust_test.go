package awsapi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/internal/awsapi"
)

// authority is a certificate authority for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// bundle writes the authority's certificate as AWS_CA_BUNDLE wants it.
func (a authority) bundle(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// issue signs a server certificate.
func (a authority) issue(t *testing.T, notAfter time.Time, names []string, ips ...net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, IPAddresses: ips, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func tlsFake(t *testing.T, cert tls.Certificate) *fakeAWS {
	t.Helper()
	f := &fakeAWS{}
	f.Server = httptest.NewUnstartedServer(f.handler([]answer{ok(`{}`)}))
	f.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	f.Config.ErrorLog = log.New(&bytes.Buffer{}, "", 0) // refused handshakes are the point here
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func TestTrust(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	here := net.IPv4(127, 0, 0, 1)
	valid := time.Now().Add(time.Hour)
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		cert   tls.Certificate
		bundle string
		want   string // part of the error; empty: the call succeeds
		hint   bool
	}{
		{"authority in AWS_CA_BUNDLE", ca.issue(t, valid, nil, here), ca.bundle(t), "", false},
		{"no bundle", ca.issue(t, valid, nil, here), "", "unknown authority", true},
		{"another authority in the bundle", ca.issue(t, valid, nil, here), other.bundle(t), "unknown authority", true},
		{"unreadable bundle", ca.issue(t, valid, nil, here), "/nonexistent/ca.pem", "unknown authority", true},
		{"bundle without a certificate", ca.issue(t, valid, nil, here), garbage, "unknown authority", true},
		{"right authority, wrong host name", ca.issue(t, valid, []string{"ssm.eu-central-1.amazonaws.com"}), ca.bundle(t), "doesn't contain any IP SANs", false},
		{"right authority, certificate over", ca.issue(t, time.Now().Add(-time.Hour), nil, here), ca.bundle(t), "certificate has expired", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := tlsFake(t, tc.cert)
			c := newClient(t, envFor(f.URL).with("AWS_CA_BUNDLE", tc.bundle))
			err := c.Call(t.Context(), getParameter, nil, nil)
			if tc.want == "" {
				if err != nil || len(f.seen()) != 1 {
					t.Fatalf("%v after %d requests", err, len(f.seen()))
				}
				checkSignature(t, f.seen()[0], secretKey)
				return
			}
			var transport *awsapi.TransportError
			if !errors.As(err, &transport) || !strings.Contains(err.Error(), tc.want) || transport.Timeout {
				t.Errorf("error %v", err)
			}
			if hint := err != nil && strings.Contains(err.Error(), "AWS_CA_BUNDLE"); hint != tc.hint {
				t.Errorf("hint %t in %v", hint, err)
			}
			if n := len(f.seen()); n != 0 {
				t.Errorf("%d requests reached a server that is not trusted", n)
			}
		})
	}
}

// The fingerprints are those that Amazon Trust Services publishes.
func TestAmazonRoots(t *testing.T) {
	der, err := os.ReadFile("roots.der")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Amazon Root CA 1 8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
		"Amazon Root CA 2 1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
		"Amazon Root CA 3 18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
		"Amazon Root CA 4 e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
		"Starfield Services Root Certificate Authority - G2 568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
	}
	if len(certs) != len(want) {
		t.Fatalf("%d roots", len(certs))
	}
	for i, c := range certs {
		sum := sha256.Sum256(c.Raw)
		if got := c.Subject.CommonName + " " + hex.EncodeToString(sum[:]); got != want[i] {
			t.Errorf("root %d is %s", i, got)
		}
	}
}

// counting is a TLS server that counts handshakes and those the client refused.
func counting(t *testing.T, cert tls.Certificate) (f *fakeAWS, handshakes, refused *atomic.Int64) {
	t.Helper()
	handshakes, refused = new(atomic.Int64), new(atomic.Int64)
	f = &fakeAWS{}
	f.Server = httptest.NewUnstartedServer(f.handler([]answer{ok(`{}`)}))
	f.Config.ErrorLog = log.New(refusals{refused}, "", 0)
	f.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes.Add(1)
		return nil, nil
	}}
	f.StartTLS()
	t.Cleanup(f.Close)
	return f, handshakes, refused
}

// Without AWS_CA_BUNDLE the system's own authorities still count, but only
// after Amazon's alone did not do: loading them is what must not happen in the
// ordinary case.
func TestSystemAuthoritiesAreTheFallback(t *testing.T) {
	ca := newAuthority(t)
	f, handshakes, refused := counting(t, ca.issue(t, time.Now().Add(time.Hour), nil, net.IPv4(127, 0, 0, 1)))
	lines := runChild(t, f.URL, "SSL_CERT_FILE="+ca.bundle(t), "SSL_CERT_DIR=/nonexistent")
	if len(lines) != 1 || lines[0] != "result: <nil>" {
		t.Errorf("child said %q", lines)
	}
	f.Close()
	if h, r := handshakes.Load(), refused.Load(); h != 2 || r != 1 {
		t.Errorf("%d handshakes of which %d refused, want 2 and 1", h, r)
	}
}

// A wider trust is learnt for good: one refused handshake per process, not one
// per connection.
func TestTrustIsWidenedOnce(t *testing.T) {
	ca := newAuthority(t)
	f, handshakes, refused := counting(t, ca.issue(t, time.Now().Add(time.Hour), nil, net.IPv4(127, 0, 0, 1)))
	lines := runChild(t, strings.Join([]string{f.URL, f.URL, f.URL}, ","), "SSL_CERT_FILE="+ca.bundle(t), "SSL_CERT_DIR=/nonexistent")
	if want := []string{"result: <nil>", "result: <nil>", "result: <nil>"}; !slices.Equal(lines, want) {
		t.Errorf("child said %q", lines)
	}
	f.Close()
	if h, r := handshakes.Load(), refused.Load(); h != 4 || r != 1 {
		t.Errorf("%d handshakes of which %d refused, want 4 and 1", h, r)
	}
}

// AWS_CA_BUNDLE takes the place of all other authorities, from the first
// handshake on: no refused one before it, and nobody else is trusted, the
// system's included.
func TestBundleReplacesAllOthers(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for _, tc := range []struct {
		name, bundle, want string
		refused            int64
	}{
		{"in the bundle", ca.bundle(t), "result: <nil>", 0},
		{"in the system's, not in the bundle", other.bundle(t), "unknown authority", 1},
		{"in the system's, no bundle there", "/nonexistent/ca.pem", "unknown authority", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, handshakes, refused := counting(t, ca.issue(t, time.Now().Add(time.Hour), nil, net.IPv4(127, 0, 0, 1)))
			lines := runChild(t, f.URL, "SSL_CERT_FILE="+ca.bundle(t), "SSL_CERT_DIR=/nonexistent", "AWS_CA_BUNDLE="+tc.bundle)
			if len(lines) != 1 || !strings.Contains(lines[0], tc.want) {
				t.Errorf("child said %q", lines)
			}
			f.Close()
			if h, r := handshakes.Load(), refused.Load(); h != 1 || r != tc.refused {
				t.Errorf("%d handshakes of which %d refused, want 1 and %d", h, r, tc.refused)
			}
		})
	}
}

// refusals counts what the server logs about refused handshakes.
type refusals struct{ n *atomic.Int64 }

func (r refusals) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("TLS handshake error")) {
		r.n.Add(1)
	}
	return len(p), nil
}

// After a freeze the connection is new but the TLS session is not: resuming
// saves most of the handshake.
func TestSessionsAreResumed(t *testing.T) {
	ca := newAuthority(t)
	f := tlsFake(t, ca.issue(t, time.Now().Add(time.Hour), nil, net.IPv4(127, 0, 0, 1)))
	c := newClient(t, envFor(f.URL).with("AWS_CA_BUNDLE", ca.bundle(t)))
	for range 2 {
		if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
			t.Fatal(err)
		}
		c.CloseIdle()
	}
	if got := []bool{f.seen()[0].Resumed, f.seen()[1].Resumed}; got[0] || !got[1] {
		t.Errorf("resumed %v", got)
	}
	c.Forget() // a snapshot must not hand its session to many sandboxes
	if err := c.Call(t.Context(), getParameter, nil, nil); err != nil {
		t.Fatal(err)
	}
	if f.seen()[2].Resumed {
		t.Error("session survived Forget")
	}
}
