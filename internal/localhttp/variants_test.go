package localhttp_test

import (
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// TestVariants: AppConfig's own flags, chosen for a context: on our route by
// arguments, on the agent's by its header.
func TestVariants(t *testing.T) {
	const doc = `{"version":"1","flags":{},"values":{"pay":{"_variants":[
{"name":"adult","enabled":true,"attributeValues":{"limit":9007199254740993},"rule":"(and (gte $age 18) (in $country [\"DK\", \"DE\"]))"},
{"name":"zip","enabled":true,"attributeValues":{},"rule":"(eq $zip \"01234\")"},
{"name":"default","enabled":false}]},"plain":{"enabled":true},"bad":{"_variants":[{"name":"a","enabled":true,"rule":"(eq $secret"},{"name":"d","enabled":true}]}}}`
	ion := "'pay'::[[(gte $age 18), '''{\"_variant\":\"adult\",\"enabled\":true}'''], '''{\"_variant\":\"default\",\"enabled\":false}''']"
	const own, agent = "/parameters/appconfig/shop/prod/flags", "/applications/shop/environments/prod/configurations/flags"
	for _, c := range []struct {
		doc, target, header string
		status              int
		want                string
	}{
		{doc, own + "?flag=pay&context.age=18&context.country=DK&format=text", "", 200, `{"_variant":"adult","enabled":true,"limit":9007199254740993}`},
		{doc, own + "?flag=pay&context.age=17&context.country=DK&format=text", "", 200, `{"_variant":"default","enabled":false}`},
		{doc, own + "?flag=pay&context.s:zip=01234&format=text", "", 200, `{"_variant":"zip","enabled":true}`},
		{doc, own + "?flag=pay&context.zip=1234&format=text", "", 200, `{"_variant":"default","enabled":false}`},
		{doc, own + "?flag=pay&context.s:zip=null&format=text", "", 200, `{"_variant":"default","enabled":false}`},
		{strings.ReplaceAll(doc, "01234", "null"), own + "?flag=pay&context.s:zip=null&format=text", "", 200, `{"_variant":"zip","enabled":true}`},
		{strings.ReplaceAll(doc, "01234", "null"), own + "?flag=pay&context.zip=null&format=text", "", 200, `{"_variant":"default","enabled":false}`},
		{doc, own + "?flag=pay&format=text", "", 200, `{"_variant":"default","enabled":false}`},
		{doc, own + "?flag=pay&context.age=18&context.country=DK&key=limit&format=text", "", 200, `9007199254740993`},
		{doc, own + "?flag=plain&flag=pay&context.age=18&context.country=DE&format=text", "", 200, `{"plain":{"enabled":true},"pay":{"_variant":"adult","enabled":true,"limit":9007199254740993}}`},
		{doc, own + "?flag=pay&context.age=18&context.country=DK", "", 200, `{"name":"shop/prod/flags","value":{"_variant":"adult","enabled":true,"limit":9007199254740993},"version":null,"source":"appconfig","content_type":"application/json"}`},
		{doc, own + "?format=text", "", 200, doc},
		{doc, own + "?flag=none&context.a=1", "", 404, "there is no flag none"},
		{doc, own + "?flag=bad&context.secret=1", "", 422, "flag bad, variant a, position 11 of the rule"},
		{doc, own + "?flag=pay&context.age=1&context.age=2", "", 400, "twice"},
		{doc, own + "?flag=pay&context.age=1&context.s:age=2", "", 400, "twice"},
		{"text", own + "?flag=pay&context.age=1", "", 422, "transform_failed"},
		{"\xe0\x01\x00\xea::", own + "?flag=pay&context.age=1", "", 422, "binary Ion"},
		{ion, own + "?flag=pay&context.age=20&format=text", "", 200, `{"_variant":"adult","enabled":true}`},
		{doc, agent + "?flag=pay", "Context: age=18, country=DK", 200, `{"_variant":"adult","enabled":true,"limit":9007199254740993}`},
		{ion, agent, "Context: age=20", 200, `{"pay":{"_variant":"adult","enabled":true}}`},
		{ion, agent, "", 200, `{"pay":{"_variant":"default","enabled":false}}`},
		{`{"pay":{"enabled":true}}`, agent + "?flag=pay", "Context: age=18", 200, `{"enabled":true}`},
		{`{"pay":{ "enabled":true}}`, agent, "Context: age=18", 200, `{"pay":{ "enabled":true}}`},
		// Configurations that bear the marks of flags and are none.
		{"Type: AWS::S3::Bucket\n", agent, "", 200, "Type: AWS::S3::Bucket\n"},
		{"listen: \"[::1]:80\"\n", agent, "Context: age=18", 200, "listen: \"[::1]:80\"\n"},
		{`["std::vector"]`, agent, "", 200, `["std::vector"]`},
		{"a::b::c", agent, "", 200, "a::b::c"},
		{`{"_variants":["a"]}`, agent, "", 200, `{"_variants":["a"]}`},
		{`"AWS::Region"`, own + "?context.age=1&format=text", "", 200, `"AWS::Region"`},
		{"Type: AWS::S3::Bucket\n", agent + "?flag=pay", "", 400, "no feature flags"},
	} {
		s := newServer(localhttp.Deps{Parameters: always(paramcache.Result{Value: paramcache.Value{Binary: []byte(c.doc)}})}, localhttp.Options{})
		var headers []string
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			headers = []string{name, value}
		}
		w := do(s, "GET", c.target, "", headers...)
		got := w.Body.String()
		if w.Code != c.status || c.status == 200 && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("%s with %q: %d %s\nwant %d %s", c.target, c.header, w.Code, got, c.status, c.want)
		}
	}
}
