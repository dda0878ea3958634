package redact

import (
	"bytes"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// prefilter knows something that is true of every match of an expression and
// is found out much faster than a match: which bytes it may have, how many it
// has at least, and a byte it must have.
type prefilter struct {
	bytes  byteSet
	length int
	must   byte
	isMust bool
}

// byteSet has one bit for each byte.
type byteSet [4]uint64

func (s *byteSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *byteSet) addAll(o byteSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// addRunes adds the bytes of the characters from lo to hi. Those that are not
// ASCII share one half of the set, with the bytes that are not UTF-8.
func (s *byteSet) addRunes(lo, hi rune) {
	for r := lo; r <= hi && r < utf8.RuneSelf; r++ {
		s.add(byte(r))
	}
	if hi >= utf8.RuneSelf {
		s[2], s[3] = ^uint64(0), ^uint64(0)
	}
}

// maxPrefilter bounds the length that is asked for.
const maxPrefilter = 1 << 10

func newPrefilter(re *syntax.Regexp) prefilter {
	var p prefilter
	p.bytes, p.length = extent(re)
	required := musts(re)
	for c := byte(0); c < utf8.RuneSelf; c++ {
		// Signs are rarer than letters and digits.
		if required.has(c) && (!p.isMust || !isNameByte(c)) {
			p.must, p.isMust = c, true
		}
	}
	return p
}

// may reports false if the text cannot have a match.
func (p *prefilter) may(text []byte) bool {
	if p.isMust && bytes.IndexByte(text, p.must) < 0 {
		return false
	}
	if p.length < 2 {
		return true
	}
	// A run of that many bytes ends at or behind the end of the first window.
	// From there backwards: a byte that no match has moves the window behind it.
	for end := p.length; end <= len(text); {
		at := end - 1
		for at >= end-p.length && p.bytes.has(text[at]) {
			at--
		}
		if at < end-p.length {
			return true
		}
		end = at + 1 + p.length
	}
	return false
}

// extent returns the bytes a match may have and how many it has at least.
func extent(re *syntax.Regexp) (set byteSet, length int) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			set.addRunes(r, r)
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					set.addRunes(f, f)
				}
			}
		}
		return set, min(len(re.Rune), maxPrefilter)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			set.addRunes(re.Rune[i], re.Rune[i+1])
		}
		return set, 1
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		set.addRunes(0, utf8.MaxRune)
		return set, 1
	case syntax.OpAlternate:
		length = maxPrefilter
		for _, sub := range re.Sub {
			s, n := extent(sub)
			set.addAll(s)
			length = min(length, n)
		}
		return set, length
	}
	for _, sub := range re.Sub { // a sequence, or one that is repeated
		s, n := extent(sub)
		set.addAll(s)
		length = min(length+n, maxPrefilter)
	}
	switch re.Op {
	case syntax.OpStar, syntax.OpQuest:
		length = 0
	case syntax.OpRepeat:
		length = min(length*re.Min, maxPrefilter)
	}
	return set, length
}

// musts returns the ASCII bytes that every match has.
func musts(re *syntax.Regexp) (set byteSet) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			for _, r := range re.Rune {
				if r < utf8.RuneSelf {
					set.add(byte(r))
				}
			}
		}
	case syntax.OpAlternate:
		set = musts(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			s := musts(sub)
			for i := range set {
				set[i] &= s[i]
			}
		}
	case syntax.OpRepeat:
		if re.Min > 0 {
			set = musts(re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range re.Sub {
			set.addAll(musts(sub))
		}
	}
	return set
}
