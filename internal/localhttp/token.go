package localhttp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxTokenFile bounds what is read from a token file; real tokens have 1 to 2 KiB.
const maxTokenFile = 64 << 10

// Tokens returns the tokens that open the API, from the values of
// AWS_SESSION_TOKEN, AWS_CONTAINER_AUTHORIZATION_TOKEN (SnapStart) and
// AWS_TOKEN (anywhere else: a value, or file:// and a path). Values that are
// empty are left out. A file that cannot be read costs its own token only:
// the error names the variable and never the content.
func Tokens(session, container, own string) ([]string, error) {
	var err error
	if path, ok := strings.CutPrefix(own, "file://"); ok {
		if own, err = readToken(path); err != nil {
			err = fmt.Errorf("read the token file of AWS_TOKEN: %w", err)
		}
	}
	var tokens []string
	for _, token := range []string{session, container, own} {
		// A header's value arrives without the space around it.
		if token = strings.TrimSpace(token); token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens, err
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	content, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > maxTokenFile:
		return "", errors.New("file is larger than 64 KiB")
	case strings.TrimSpace(string(content)) == "":
		return "", errors.New("file is empty")
	}
	return string(content), nil
}
