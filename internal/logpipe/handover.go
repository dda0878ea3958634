package logpipe

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// The hand-over, over a stream socket. The wrapper sends the nonce that the
// handshake gave it and a letter for each channel, and with them two
// descriptors for each: the end of ours, and a duplicate of the original. The
// extension says ok. The wrapper says go, and only then puts its ends in the
// place of the originals: whatever goes wrong before that changes nothing.
const (
	lineLetter  = 'l'
	frameLetter = 'f'
	nonceSize   = 32 // hex digits
	mostEach    = 3  // channels of one hand-over
	mostSets    = 4  // hand-overs that live at once
	okay        = "ok"
	start       = "go"

	handOverTime = time.Second      // for all of it; the wrapper waits 200 ms
	inviteTime   = 30 * time.Second // in which a nonce is good
	mostInvited  = 16
)

// invitation is a nonce that was given out.
type invitation struct {
	nonce string
	until time.Time
}

// Listen opens the meeting place: an abstract socket, which needs no file
// system and lives where the proxy's port does; where there are none, a file
// in a folder that nobody else can enter.
func (p *Pipes) Listen() error {
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@powertools-" + random(), Net: "unix"})
	if err != nil {
		folder, dirErr := os.MkdirTemp("", "powertools-logs-")
		if dirErr != nil {
			return fmt.Errorf("bind a socket for log descriptors: %w; %w", err, dirErr)
		}
		p.folder = folder
		socket, err = net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(folder, "s"), Net: "unix"})
		if err != nil {
			p.closeSocket()
			return fmt.Errorf("bind a socket for log descriptors: %w", err)
		}
	}
	p.socket = socket
	go p.accept(socket)
	return nil
}

func (p *Pipes) closeSocket() {
	if p.socket != nil {
		_ = p.socket.Close() // nobody comes any more
	}
	if p.folder != "" {
		_ = os.RemoveAll(p.folder) // as above
	}
}

// Invite returns where a wrapper may hand over descriptors, and the nonce that
// it has to show, once. Empty: nowhere.
func (p *Pipes) Invite() (socket, nonce string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.socket == nil || p.stopped {
		return "", ""
	}
	now := p.opt.Now()
	kept := p.nonces[:0]
	for _, i := range p.nonces {
		if now.Before(i.until) {
			kept = append(kept, i)
		}
	}
	if p.nonces = kept; len(kept) == mostInvited {
		p.nonces = p.nonces[1:]
	}
	nonce = random()
	p.nonces = append(p.nonces, invitation{nonce, now.Add(inviteTime)})
	p.waiting = true
	return p.socket.Addr().String(), nonce
}

func random() string {
	var b [nonceSize / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// redeem reports whether the nonce was given out and not shown yet.
func (p *Pipes) redeem(nonce []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, in := range p.nonces {
		if subtle.ConstantTimeCompare(nonce, []byte(in.nonce)) == 1 {
			p.nonces = append(p.nonces[:i:i], p.nonces[i+1:]...)
			return p.opt.Now().Before(in.until)
		}
	}
	return false
}

func (p *Pipes) accept(socket *net.UnixListener) {
	for {
		c, err := socket.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for example
			time.Sleep(5 * time.Millisecond)
			continue
		}
		go func() {
			defer c.Close() //nolint:errcheck // nothing is left to say
			if err := p.receive(c); err != nil {
				p.log.Warn("a hand-over of log descriptors was refused; nothing changes", zap.Error(err))
			}
		}()
	}
}

// receive takes one hand-over.
func (p *Pipes) receive(c *net.UnixConn) error {
	if err := c.SetDeadline(time.Now().Add(handOverTime)); err != nil {
		return err
	}
	if err := sameUser(c); err != nil {
		return err
	}
	kinds, fds, err := p.message(c)
	if err != nil {
		closeAll(fds)
		return err
	}
	set, err := p.build(kinds, fds)
	if err != nil {
		return err
	}
	let := func(why error) error {
		for _, ch := range set {
			ch.stop()
		}
		return why
	}
	if _, err := c.Write([]byte(okay)); err != nil {
		return let(errors.New("the wrapper did not wait for the answer"))
	}
	var b [len(start)]byte
	if n, err := c.Read(b[:]); err != nil || string(b[:n]) != start {
		return let(errors.New("the wrapper did not go through with it"))
	}
	p.begin(set)
	return nil
}

// begin puts the channels to work. From here on nothing can be taken back: the
// wrapper's ends are in the place of the originals.
func (p *Pipes) begin(set []*channel) {
	p.mu.Lock()
	p.sets = append(p.sets, append([]*channel(nil), set...))
	p.waiting = false
	p.mu.Unlock()
	p.stats.handOvers.Add(1)
	p.on.Store(true)
	for _, ch := range set {
		go ch.run()
	}
}

var (
	errMessage = errors.New("not a hand-over of the wrapper's form")
	errNonce   = errors.New("the nonce was not given out, or was shown before")
	errUser    = errors.New("the process belongs to another user")
)

// message reads the nonce, the letters and the descriptors, which do not
// outlive an exec.
func (p *Pipes) message(c *net.UnixConn) (kinds []byte, fds []int, err error) {
	text, control := make([]byte, nonceSize+mostEach+1), make([]byte, syscall.CmsgSpace(4*2*(mostEach+1)))
	n, m, flags, _, err := c.ReadMsgUnix(text, control)
	if err != nil {
		return nil, nil, errMessage
	}
	messages, err := syscall.ParseSocketControlMessage(control[:m])
	for i := range messages {
		if got, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	if err != nil || flags&syscall.MSG_CTRUNC != 0 || n <= nonceSize || n > nonceSize+mostEach || len(fds) != 2*(n-nonceSize) {
		return nil, fds, errMessage
	}
	if !p.redeem(text[:nonceSize]) {
		return nil, fds, errNonce
	}
	return text[nonceSize:n], fds, nil
}

// build makes channels of what was received, and closes all if one is not what
// it has to be.
func (p *Pipes) build(kinds []byte, fds []int) (set []*channel, err error) {
	p.mu.Lock()
	full := len(p.sets) >= mostSets
	p.mu.Unlock()
	if full {
		closeAll(fds)
		return nil, errors.New("too many processes have handed over their log descriptors")
	}
	for i, k := range kinds {
		in, out := fds[2*i], fds[2*i+1]
		if k != lineLetter && k != frameLetter || !carries(in) || !carries(out) {
			err = errMessage
		}
	}
	for i, k := range kinds {
		if err != nil {
			break
		}
		var c *channel
		if c, err = newChannel(p, fds[2*i], fds[2*i+1], k == frameLetter); err == nil {
			set = append(set, c)
		}
	}
	if err != nil {
		for _, c := range set {
			c.stop()
		}
		closeAll(fds[2*len(set):])
		return nil, err
	}
	return set, nil
}

// carries reports whether a descriptor is a pipe or a socket.
func carries(fd int) bool {
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil {
		return false
	}
	return st.Mode&syscall.S_IFMT == syscall.S_IFIFO || st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd) // they are not wanted
	}
}

// sameUser refuses strangers: an abstract socket can be connected to by
// everybody in the sandbox.
func sameUser(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil || int(cred.Uid) != os.Getuid() {
		return errUser
	}
	return nil
}
