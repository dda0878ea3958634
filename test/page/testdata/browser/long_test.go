package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"powertools-extension/test/ontime"
)

const (
	manyInvocations = 10_000
	memoryBar       = 100 << 20
	clickBar        = 100 * time.Millisecond
)

// Ten thousand invocations leave the page small and quick. Bars are judged by the
// median of many clicks, and by what they are beside those of a short run.
func TestLongRun(t *testing.T) {
	e := emulate(t, []string{"--freeze=false"}, self(t), functionArg)
	ctx := chromium(t, 1280, 800)
	do(t, ctx, chromedp.Navigate(e.url))
	invokeMany(t, e, 100)
	eventually(t, ctx, "a hundred", `document.querySelector("#totals").innerText.includes("100")`)
	short := clicks(t, ctx)
	invokeMany(t, e, manyInvocations-100)
	eventually(t, ctx, "ten thousand", `document.querySelector("#totals").innerText.includes("10,000")`)

	used := heap(t, ctx)
	process := resident()
	ontime.Run(t, func(late ontime.Late) {
		long := clicks(t, ctx)
		t.Logf("clicks: median %v, slowest tenth %v, after 100 invocations %v; heap %.1f MB, the whole process %.1f MB of its own", middle(long), tenth(long), middle(short), float64(used)/1e6, float64(process)/1e6)
		if middle(long) > clickBar || tenth(long) > 2*clickBar {
			late("clicks after %d invocations: median %v, slowest tenth %v", manyInvocations, middle(long), tenth(long))
		}
		if middle(long) > 4*middle(short)+20*time.Millisecond {
			late("a click takes %v after %d invocations, %v after 100", middle(long), manyInvocations, middle(short))
		}
	})
	if used > memoryBar || process > memoryBar {
		t.Errorf("the page holds %d bytes, its process %d", used, process)
	}
	if range_ := text(t, ctx, "#timeline .range"); !strings.Contains(range_, "of 1,000; 9,000 earlier ones left out") {
		t.Errorf("the timeline says %q", range_)
	}
	do(t, ctx, chromedp.Reload())
	eventually(t, ctx, "a late page has the last thousand", `document.querySelector("#timeline .range").innerText.includes("9,000 earlier ones left out") && document.querySelector("#timeline tbody button").innerText === "10000"`)
	report := fmt.Sprintf("heap of the page after %d invocations: %.1f MB\n", manyInvocations, float64(used)/1e6)
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "long.txt"), []byte(report), 0o644); err != nil {
		t.Fatal(err)
	}
}

func invokeMany(t *testing.T, e *emulator, n int) {
	t.Helper()
	var wg sync.WaitGroup
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	for range 4 {
		wg.Go(func() {
			for range left {
				e.invoke(`{"lines":["a line of the function","{\"level\":\"INFO\",\"message\":\"another\",\"n\":1}"]}`)
			}
		})
	}
	wg.Wait()
}

// clicks are the times from a click on a row to the next painted frame.
func clicks(t *testing.T, ctx context.Context) []time.Duration {
	t.Helper()
	ms := value[[]float64](t, ctx, `(async () => {
	const out = [];
	for (let i = 0; i < 41; i++) {
		const buttons = document.querySelectorAll("#timeline tbody button");
		const began = performance.now();
		buttons[(i * 7) % buttons.length].click();
		await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
		out.push(performance.now() - began);
	}
	return out;
})()`)
	var out []time.Duration
	for _, v := range ms {
		out = append(out, time.Duration(v*float64(time.Millisecond)))
	}
	slices.Sort(out)
	return out
}

func middle(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

func tenth(sorted []time.Duration) time.Duration { return sorted[len(sorted)*9/10] }

// resident is the memory of its own, in bytes, that the largest process of a page
// has: that of the tests' only tab. Linux only; 0 elsewhere.
func resident() int {
	most := 0
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		cmdline, _ := os.ReadFile(file)
		if !strings.Contains(string(cmdline), "--type=renderer") {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "status"))
		for line := range strings.Lines(string(status)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "RssAnon:" {
				kb, _ := strconv.Atoi(fields[1])
				most = max(most, kb*1024)
			}
		}
	}
	return most
}

// heap is what scripts and elements of the page hold, after a collection.
func heap(t *testing.T, ctx context.Context) int {
	t.Helper()
	return run(t, ctx, chromedp.Action[int](func(ctx context.Context, target *chromedp.Target) (int, error) {
		if _, err := cdp.Call(ctx, target, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
		r, err := cdp.Call(ctx, target, runtime.GetHeapUsage, cdp.Empty{})
		return int(r.UsedSize + r.EmbedderHeapUsedSize + r.BackingStorageSize), err
	}))
}
