//go:build !linux && !darwin

package show

import "os"

// terminalColumns is the width of the terminal behind f, where it is known.
func terminalColumns(*os.File) int { return 0 }
