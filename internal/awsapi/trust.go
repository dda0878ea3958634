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

// widePool returns the system's roots and Amazon's. It is needed in partitions
// with other authorities. The pool is usable even when an error says that the
// system's are missing.
func widePool() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
		err = fmt.Errorf("load the system's certificates: %w", err)
	}
	addAmazon(pool)
	return pool, err
}

// bundlePool returns the authorities in a file, which is empty on an error. An
// inspecting proxy or a local emulator is in the file by itself, so the file
// names all that is to be trusted.
func bundlePool(path string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	pem, err := readFile(path)
	switch {
	case err != nil:
		return pool, fmt.Errorf("read %s: %w", envCABundle, err)
	case !pool.AppendCertsFromPEM(pem):
		return pool, errors.New("read " + envCABundle + ": no certificate in it")
	}
	return pool, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCABundle))
}
