package invocation

import "bytes"

// lastWords reports whether the text is what a runtime prints when memory
// ends. It has to stand where the runtime puts it: at the beginning of the
// line, or at the end where a head of changing form comes first.
func lastWords(text []byte) bool {
	// Every line of level ERROR and each without a level passes here: nearly
	// all lack these letters.
	if !bytes.Contains(text, []byte("emory")) {
		return false
	}
	if nl := bytes.IndexByte(text, '\n'); nl >= 0 {
		text = text[:nl]
	}
	for _, start := range [...]string{
		"fatal error: runtime: out of memory", "fatal error: out of memory", "fatal error: runtime: cannot allocate memory", "runtime: out of memory", // Go
		"java.lang.OutOfMemoryError", "Terminating due to java.lang.OutOfMemoryError", "Aborting due to java.lang.OutOfMemoryError", // Java
		"Java heap space: java.lang.OutOfMemoryError", "Metaspace: java.lang.OutOfMemoryError", // its runtime client
		"[ERROR] MemoryError", "MemoryError", // Python
		"Unhandled exception. System.OutOfMemoryException", "System.OutOfMemoryException", "Out of memory.", // .NET
		"memory allocation of ", // Rust
	} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	switch {
	case bytes.HasPrefix(text, []byte("FATAL ERROR: ")), bytes.HasPrefix(text, []byte("# Fatal ")): // Node
		return bytes.Contains(text, []byte("heap out of memory")) || bytes.Contains(text, []byte("out of memory:"))
	case bytes.HasPrefix(text, []byte("Exception in thread ")): // Java
		return bytes.Contains(text, []byte(`" java.lang.OutOfMemoryError`))
	}
	return bytes.HasSuffix(text, []byte("failed to allocate memory (NoMemoryError)")) // Ruby
}

// exitText takes "exit status 1" out of the platform's record of an end:
// "RequestId: … Error: Runtime exited with error: exit status 1".
func exitText(record []byte) string {
	_, text, found := bytes.Cut(record, []byte("Runtime exited with error: "))
	if !found {
		return ""
	}
	if nl := bytes.IndexByte(text, '\n'); nl >= 0 {
		text = text[:nl]
	}
	return string(bounded(text, maxErrorType))
}
