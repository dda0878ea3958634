// Package nearest finds the word somebody probably meant, for error texts
// that name the cure ("unknown unit count: did you mean Count?").
//
// It runs only when something is already wrong, so it is written for reading
// and not for speed.
package nearest

import "strings"

// Of returns the candidate with the smallest edit distance to word, ignoring
// case. It returns "" when nothing is close: more than a third of the word
// would have to change.
func Of(word string, candidates []string) string {
	best, limit := "", len(word)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes: insertions, deletions and
// replacements each cost one.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
