// A module of its own: a browser's driver must not become a dependency of the
// extension.
module powertools-extension/test/page/testdata/browser

go 1.26.0

require (
	github.com/chromedp/cdproto v0.160.1
	github.com/chromedp/chromedp v0.23.1
	powertools-extension v0.0.0-00010101000000-000000000000
)

require github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect

replace powertools-extension => ../../../..
