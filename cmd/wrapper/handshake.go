package main

import (
	"errors"
	"strings"
	"syscall"
	"time"
)

var (
	errNobody = errors.New("nobody listens on the proxy's port")
	errLate   = errors.New("no answer in time")
	errForm   = errors.New("what listens on the proxy's port is not the extension")
)

// largestAnswer is 256 KiB of values, escaped, and room.
const largestAnswer = 2 << 20

// ask shakes hands: one request over a connection of its own, with system
// calls alone.
func ask(port int, wait time.Duration, token, body string) (answer, error) {
	until := time.Now().Add(wait)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer{}, err
	}
	defer syscall.Close(fd) //nolint:errcheck // its work is done
	if err := connect(fd, port, until); err != nil {
		return answer{}, err
	}
	request := "POST /powertools/v1/runtime HTTP/1.1\r\nHost: " + loopback(port) +
		"\r\nConnection: close\r\nContent-Type: application/json\r\nX-Aws-Parameters-Secrets-Token: " + token +
		"\r\nContent-Length: " + digits(len(body)) + "\r\n\r\n" + body
	if err := send(fd, request, until); err != nil {
		return answer{}, err
	}
	status, text, err := receive(fd, until)
	if err != nil {
		return answer{}, err
	}
	if status != 200 {
		return answer{}, errors.New("the extension refused the handshake with " + digits(status) + refusal(text))
	}
	return parseAnswer(text)
}

// limit bounds the next call on the socket; false: the time is over.
func limit(fd, option int, until time.Time) bool {
	left := time.Until(until)
	if left <= 0 {
		return false
	}
	tv := syscall.NsecToTimeval(max(left, time.Millisecond).Nanoseconds()) // 0 would be no limit
	return syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &tv) == nil
}

// A signal, of the Go runtime's own too, ends a call on a socket that has a
// limit; it is made again with what is left of the time.
func connect(fd, port int, until time.Time) error {
	for limit(fd, syscall.SO_SNDTIMEO, until) {
		switch err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err {
		case nil, syscall.EISCONN:
			return nil
		case syscall.EINTR, syscall.EALREADY, syscall.EINPROGRESS:
		case syscall.ECONNREFUSED:
			return errNobody
		default:
			return err
		}
	}
	return errLate
}

func send(fd int, text string, until time.Time) error {
	data := []byte(text)
	for limit(fd, syscall.SO_SNDTIMEO, until) {
		// MSG_NOSIGNAL: who has closed is an error, not the end of this process.
		n, err := syscall.SendmsgN(fd, data, nil, nil, syscall.MSG_NOSIGNAL)
		switch {
		case err == syscall.EINTR || err == syscall.EAGAIN:
			continue
		case err != nil:
			return errForm
		}
		if data = data[n:]; len(data) == 0 {
			return nil
		}
	}
	return errLate
}

// receive reads one answer, by its Content-Length.
func receive(fd int, until time.Time) (status int, body string, err error) {
	buf := make([]byte, 0, 4<<10)
	for limit(fd, syscall.SO_RCVTIMEO, until) {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := syscall.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case err == syscall.EINTR || err == syscall.EAGAIN:
			continue
		case err != nil || n <= 0:
			return 0, "", errForm
		}
		buf = buf[:len(buf)+n]
		status, body, whole, ok := split(string(buf))
		switch {
		case !ok || len(buf) > largestAnswer:
			return 0, "", errForm
		case whole:
			return status, body, nil
		}
	}
	return 0, "", errLate
}

// split takes an answer apart. ok: it may still become one.
func split(text string) (status int, body string, whole, ok bool) {
	const version = "HTTP/1.1 "
	if len(text) < len(version)+3 {
		return 0, "", false, strings.HasPrefix(version, text[:min(len(text), len(version))])
	}
	status, isNumber := number(text[len(version) : len(version)+3])
	if !strings.HasPrefix(text, version) || !isNumber {
		return 0, "", false, false
	}
	head, body, done := strings.Cut(text, "\r\n\r\n")
	if !done {
		return 0, "", false, len(text) < 16<<10
	}
	for _, line := range strings.Split(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Content-Length") {
			length, isNumber := number(strings.TrimSpace(value))
			return status, body, len(body) == length, isNumber && len(body) <= length
		}
	}
	return 0, "", false, false
}
