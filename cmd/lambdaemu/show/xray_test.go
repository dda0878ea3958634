package show

import (
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

func TestXRay(t *testing.T) {
	var out strings.Builder
	seen := 0
	tell := XRay(&out, func(lambdaemu.Entry) { seen++ })
	tell(lambdaemu.Entry{What: transcript.XRay, Detail: `{"name":"## app.handler"}`})
	tell(lambdaemu.Entry{What: transcript.Sink, Detail: "200"})
	XRay(&out, nil)(lambdaemu.Entry{What: transcript.Sink})
	if out.String() != "lambdaemu: X-Ray got {\"name\":\"## app.handler\"}\n" || seen != 2 {
		t.Errorf("%q, %d handed on", out.String(), seen)
	}
}
