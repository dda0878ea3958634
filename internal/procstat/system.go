package procstat

import (
	"bytes"
	"syscall"
)

// tickMs is the unit of /proc/stat. Linux fixes it at a hundredth of a second
// for programs, whatever its own clock does (proc_stat(5)).
const tickMs = 10

// cpu reads the first line of /proc/stat: "cpu  user nice system idle …".
func (r *Reader) cpu() (user, system Figure) {
	line, _, whole := bytes.Cut(r.file("/stat"), []byte("\n"))
	rest, found := bytes.CutPrefix(line, []byte("cpu "))
	if !whole || !found {
		return Figure{}, Figure{}
	}
	u, okUser := field(rest, 0)
	nice, okNice := field(rest, 1)
	sys, okSystem := field(rest, 2)
	if !okUser || !okNice || !okSystem {
		return Figure{}, Figure{}
	}
	return figure((u + nice) * tickMs), figure(sys * tickMs)
}

// network adds up the interfaces of the function in /proc/net/dev.
func (r *Reader) network() (rx, tx Figure) {
	text := r.file("/net/dev")
	if len(text) == maxFile { // cut: the rest is not known
		return Figure{}, Figure{}
	}
	var known, other traffic
	for line := range bytes.Lines(text) {
		name, counts, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !found {
			continue
		}
		switch {
		case ofFunction(name):
			known.add(counts)
		case !ofPlatform(name):
			other.add(counts)
		}
	}
	if known.interfaces == 0 {
		known = other
	}
	if known.interfaces == 0 || known.broken {
		return Figure{}, Figure{}
	}
	return figure(known.rx), figure(known.tx)
}

// ofFunction knows the interfaces that carry the function's traffic in
// Lambda's sandboxes, the last one on managed instances. They are documented
// nowhere, so others count where none of these is there.
func ofFunction(name []byte) bool {
	return bytes.HasPrefix(name, []byte("vinternal_1")) || bytes.HasPrefix(name, []byte("vint_runtime")) ||
		string(name) == "Ceth1"
}

// ofPlatform knows what carries no traffic of the function.
func ofPlatform(name []byte) bool {
	return string(name) == "lo" || bytes.HasPrefix(name, []byte("telemetry"))
}

// traffic is the sum over interfaces.
type traffic struct {
	rx, tx     float64
	interfaces int
	broken     bool // a line does not look like it should
}

// add takes the 16 columns behind an interface's name.
func (t *traffic) add(columns []byte) {
	rx, okRx := field(columns, 0)
	tx, okTx := field(columns, 8)
	t.rx += rx
	t.tx += tx
	t.interfaces++
	t.broken = t.broken || !okRx || !okTx
}

// used returns how many bytes of a directory's file system are taken.
func used(dir string) Figure {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Blocks == 0 || st.Bfree > st.Blocks {
		return Figure{}
	}
	return figure(float64((st.Blocks - st.Bfree) * uint64(st.Bsize)))
}
