package show

// diffContext is how many equal lines stand around a difference.
const diffContext = 2

// maxDiff bounds the square of lines that are compared one with another.
const maxDiff = 2000

// DiffLines returns the difference of two texts as lines that begin with "-",
// "+" or a space, nil when they are the same.
func DiffLines(old, new []string) []string {
	start := 0
	for start < len(old) && start < len(new) && old[start] == new[start] {
		start++
	}
	end := 0
	for end < len(old)-start && end < len(new)-start && old[len(old)-1-end] == new[len(new)-1-end] {
		end++
	}
	a, b := old[start:len(old)-end], new[start:len(new)-end]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	var out []string
	for _, line := range old[max(0, start-diffContext):start] {
		out = append(out, "  "+line)
	}
	out = append(out, middle(a, b)...)
	for _, line := range old[len(old)-end : min(len(old), len(old)-end+diffContext)] {
		out = append(out, "  "+line)
	}
	return out
}

// middle keeps the longest common run of lines in their order.
func middle(a, b []string) []string {
	if len(a) > maxDiff || len(b) > maxDiff {
		return append(marked("- ", a), marked("+ ", b)...)
	}
	common := commonLengths(a, b)
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return append(append(out, marked("- ", a[i:])...), marked("+ ", b[j:])...)
}

// commonLengths holds at [i][j] how many lines a[i:] and b[j:] have in common.
func commonLengths(a, b []string) [][]int {
	common := make([][]int, len(a)+1)
	common[len(a)] = make([]int, len(b)+1)
	for i := len(a) - 1; i >= 0; i-- {
		common[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	return common
}

func marked(mark string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = mark + line
	}
	return out
}
