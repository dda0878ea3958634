package telemetry

import "sync"

// Buffers come in classes, each four times as large as the one before: 4 KiB
// to 1 MiB. Larger ones are made to measure and left to the garbage collector.
const (
	smallestBuffer = 4 << 10
	largestBuffer  = 1 << 20
	bufferClasses  = 5
	sparesPerClass = 2 // so that at most 2.7 MiB lie idle
)

// buffers hands out byte slices and takes them back. Whoever puts one back
// must be the last to know it.
type buffers struct {
	mu    sync.Mutex
	spare [bufferClasses][][]byte
}

// bufferClass returns the class of buffers with room for n bytes, and their
// size. If they do not come in classes any more, the size is n.
func bufferClass(n int) (class, size int) {
	size = smallestBuffer
	for size < n && size < largestBuffer {
		class, size = class+1, size*4
	}
	return class, max(size, n)
}

// bufferSize returns the capacity of what get(n) returns.
func bufferSize(n int) int {
	_, size := bufferClass(n)
	return size
}

// get returns an empty slice with room for n bytes or more.
func (p *buffers) get(n int) []byte {
	class, size := bufferClass(n)
	if size <= largestBuffer {
		if b := p.take(class); b != nil {
			return b
		}
	}
	return make([]byte, 0, size)
}

func (p *buffers) take(class int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	spare := p.spare[class]
	if len(spare) == 0 {
		return nil
	}
	b := spare[len(spare)-1]
	p.spare[class] = spare[:len(spare)-1]
	return b
}

// put takes b back, unless there are spares enough of its size.
func (p *buffers) put(b []byte) {
	class, size := bufferClass(cap(b))
	if size != cap(b) || size > largestBuffer {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spare[class]) < sparesPerClass {
		p.spare[class] = append(p.spare[class], b[:0])
	}
}
