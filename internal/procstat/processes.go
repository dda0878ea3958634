package procstat

import (
	"bytes"
	"math"
	"os"
	"syscall"
)

// maxProcesses bounds the time a reading takes. A sandbox has the runtime, its
// children and some extensions; where there are more this is no sandbox.
const maxProcesses = 64

// processes adds up open files and threads of all processes but this one.
// Processes of another user may hide their files; they are left out.
func (r *Reader) processes(want Want) (fds, threads Figure) {
	ids := r.ids()
	if len(ids) > maxProcesses {
		return Figure{}, Figure{}
	}
	for _, id := range ids {
		if id == r.self {
			continue
		}
		if want&FDs != 0 {
			fds.add(r.openFiles(id))
		}
		if want&Threads != 0 {
			threads.add(r.threads(id))
		}
	}
	return fds, threads
}

func (f *Figure) add(n Figure) {
	if n.Set {
		f.Value += n.Value
		f.Set = true
	}
}

// ids returns the process ids.
func (r *Reader) ids() []string {
	names := entries(r.opt.Root)
	ids := names[:0]
	for _, name := range names {
		if c := name[0]; c >= '0' && c <= '9' {
			ids = append(ids, name)
		}
	}
	return ids
}

// entries lists a directory, without sorting and without a look at each.
func entries(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return names
}

// openFiles counts the entries of /proc/ID/fd. Since Linux 6.2 the size of
// the directory is that number (proc_pid_fd(5)); before, it is 0.
func (r *Reader) openFiles(id string) Figure {
	dir := r.opt.Root + "/" + id + "/fd"
	if r.real {
		var st syscall.Stat_t
		if err := syscall.Stat(dir, &st); err == nil && st.Size > 0 {
			return figure(float64(st.Size))
		}
	}
	n := len(entries(dir))
	return Figure{Value: float64(n), Set: n > 0}
}

// threads reads the 20th field of /proc/ID/stat. The second is the name of
// the command in brackets, which may hold anything (proc_pid_stat(5)).
func (r *Reader) threads(id string) Figure {
	text := r.file("/" + id + "/stat")
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return Figure{}
	}
	n, ok := field(bytes.TrimSpace(text[end+1:]), 20-3)
	return Figure{Value: n, Set: ok && n > 0}
}

// ownCPU is finer than the ticks of /proc.
func ownCPU() Figure {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return Figure{}
	}
	ns := u.Utime.Nano() + u.Stime.Nano()
	return figure(float64(ns/1e3) / 1e3)
}

// ownMemory reads the resident pages, the second field of /proc/self/statm.
func (r *Reader) ownMemory() Figure {
	line := bytes.TrimSpace(r.file("/self/statm"))
	pages, ok := field(line, 1)
	if !ok || pages == 0 {
		return Figure{}
	}
	mib := pages * float64(os.Getpagesize()) / (1 << 20)
	return figure(math.Round(mib*100) / 100)
}
