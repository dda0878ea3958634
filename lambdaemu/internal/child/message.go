package child

import (
	"bytes"
	"time"
)

// maxText is where a line without end, or a framed message, is cut: a log event
// cannot be larger (AWS page: cloudwatch_limits_cwl).
const maxText = 1 << 20

// Message is one thing a process printed: a line, or one frame of the framed
// descriptor, which may hold several.
type Message struct {
	Text   string    // without its last newline
	Time   time.Time // a frame's own time, else when it was read
	Framed bool
	Level  string // of a frame: TRACE, DEBUG, INFO, WARN, ERROR, FATAL; else ""
	Bare   bool   // a frame that had no newline at its end
}

// parser cuts what comes from a descriptor into messages.
type parser interface {
	feed(data []byte)
	flush() // at the end, what is incomplete
}

// lines are the messages of stdout and stderr.
type lines struct {
	emit func(Message)
	line []byte // the beginning of a line whose end has not come
}

func (l *lines) feed(data []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		l.line = append(l.line, data[:i]...)
		l.emit(Message{Text: string(l.line), Time: time.Now()})
		l.line = l.line[:0]
		data = data[i+1:]
	}
	l.line = append(l.line, data...)
	if len(l.line) >= maxText {
		l.flush()
	}
}

func (l *lines) flush() {
	if len(l.line) > 0 {
		l.emit(Message{Text: string(l.line), Time: time.Now()})
		l.line = nil
	}
}
