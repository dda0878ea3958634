package awsapi

import (
	"crypto/x509"
	_ "embed" // roots.der
	"errors"
	"fmt"
	"io"
	"os"
)

// amazonRoots holds Amazon Root CA 1 to 4 and Starfield Services Root CA - G2,
// one DER certificate behind the other. (Amazon Trust Services repository)
//
//go:embed roots.der
var amazonRoots string

const (
	envCABundle = "AWS_CA_BUNDLE"
	maxCABundle = 8 << 20 // bytes
)

// amazonPool returns a pool of Amazon's own roots. It costs 0.04 ms where the
// system's pool costs up to 10 ms of CPU, inside somebody's first read.
func amazonPool() *x509.CertPool {
	pool := x509.NewCertPool()
	addAmazon(pool)
	return pool
}

func addAmazon(pool *x509.CertPool) {
	certs, err := x509.ParseCertificates([]byte(amazonRoots))
	if err != nil {
		return // then nothing is trusted here, and the wide pool decides
	}
	for _, cert := range certs {
		pool.AddCert(cert)
	}
}

// widePool returns everything that may be trusted: the system's roots, Amazon's
// and those of AWS_CA_BUNDLE. It is needed behind an inspecting proxy, in
// partitions with other authorities, and for local emulators. The pool is
// usable even when an error says what is missing from it.
func widePool(bundle string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
		err = fmt.Errorf("load the system's certificates: %w", err)
	}
	addAmazon(pool)
	if bundle == "" {
		return pool, err
	}
	pem, readErr := readFile(bundle)
	if readErr != nil {
		return pool, fmt.Errorf("read %s: %w", envCABundle, readErr)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return pool, errors.New("read " + envCABundle + ": no certificate in it")
	}
	return pool, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCABundle))
}
