package loglevel

// scheme is what a number means.
type scheme uint8

const (
	schemeBare   scheme = iota // pino, bunyan, Monolog, logback: they do not share a number with two meanings
	schemePython               // logging: 10 debug to 50 critical
	schemeOTel                 // OpenTelemetry: 1 to 24
	schemeSyslog               // RFC 5424: 0 emergency to 7 debug
)

// number reads a whole number without sign; -1 is none.
func number(digits []byte) int {
	if len(digits) == 0 || len(digits) > 5 {
		return -1
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func (s scheme) level(n int) Level {
	switch s {
	case schemePython:
		return python(n)
	case schemeOTel:
		if n >= 1 && n <= 24 {
			return Trace + Level((n-1)/4)
		}
	case schemeSyslog:
		return syslog(n)
	default:
		return bare(n)
	}
	return Unknown
}

func python(n int) Level {
	switch n {
	case 5:
		return Trace
	case 10:
		return Debug
	case 20, 25: // 25 is loguru's success
		return Info
	case 30:
		return Warn
	case 40:
		return Error
	case 50:
		return Critical
	}
	return Unknown
}

func syslog(n int) Level {
	switch n {
	case 0, 1, 2:
		return Critical
	case 3:
		return Error
	case 4:
		return Warn
	case 5, 6:
		return Info
	case 7:
		return Debug
	}
	return Unknown
}

// bare knows the numbers of pino and bunyan (10 to 60), of Monolog (100 to
// 600) and of logback and log4js (5000 to 50000).
func bare(n int) Level {
	switch n {
	case 10, 5000:
		return Trace
	case 20, 100, 10000:
		return Debug
	case 30, 200, 250, 20000:
		return Info
	case 40, 300, 30000:
		return Warn
	case 50, 400, 40000:
		return Error
	case 60, 500, 550, 600, 50000:
		return Critical
	}
	return Unknown
}
