package lambdaemu

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const logsPath = "/2020-08-15/logs"

// Answers of the Logs API: those of the Telemetry API in its own name, its own
// schema versions, and not on managed instances. [DOC22:runtimes-logs-api] [RIE:rapi/handler/runtimelogs.go]
func TestLogsAnswers(t *testing.T) {
	body := strings.Replace(subscriptionBody(), "2022-12-13", "2020-08-15", 1)
	for _, c := range []struct {
		name, body, fault string
		status            int
		want              string
	}{
		{"2020-08-15", body, "", 200, `"OK"`},
		{"2021-03-18", strings.Replace(body, "2020-08-15", "2021-03-18", 1), "", 200, `"OK"`},
		{"schema of the other API", subscriptionBody(), "", 400, `{"errorType":"ValidationError","errorMessage":"schemaVersion '2022-12-13' is not supported"}`},
		{"closed", body, "telemetry-closed", 403, `{"errorMessage":"Logs API subscription is closed already","errorType":"Logs.SubscriptionClosed"}` + "\n"},
		{"not supported", body, "telemetry-202", 202, `{"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list []string
			if c.fault != "" {
				list = append(list, c.fault)
			}
			r := newAPIRig(t, list...)
			r.want(r.do("PUT", logsPath, c.body, headerID, r.register()), c.status, c.want)
		})
	}
	r := newAPIRig(t)
	r.want(r.do("PUT", logsPath, body), 403, `{"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`+"\n")
	id := r.register()
	r.want(r.do("PUT", logsPath, body, headerID, id), 200, `"OK"`)
	r.want(r.do("PUT", telemetryPath, subscriptionBody(), headerID, id), 500, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`+"\n")
}

// A subscriber of the Logs API gets the lines, and what that API knows of the
// platform's events. [DOC22:runtimes-logs-api]
func TestLogsDelivery(t *testing.T) {
	for schema, want := range map[string]string{
		"2020-08-15": "platform.logsSubscription platform.extension platform.start function platform.end platform.report",
		"2021-03-18": "platform.logsSubscription platform.extension platform.start function platform.runtimeDone platform.end platform.report",
	} {
		r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform", "function"}, Schema: schema, Logs: true, InvokeSleepMs: 100}})
		id := r.invoke(fnEvent{Print: []string{"hello"}}).RequestID
		r.stop()
		events := r.events("ext-a")
		if diff := cmp.Diff(want, strings.Join(types(events), " ")); diff != "" {
			t.Error(diff)
		}
		for typ, record := range map[string]string{
			"platform.start": `{"requestId":"` + id + `","version":"$LATEST"}`, "platform.end": `{"requestId":"` + id + `"}`,
			"platform.extension": `{"name":"ext-a","state":"Ready","events":["INVOKE","SHUTDOWN"]}`, "function": `"hello\n"`,
			"platform.logsSubscription": `{"name":"ext-a","state":"Subscribed","types":["platform","function"]}`,
		} {
			if got := only(events, typ); len(got) != 1 || string(got[0].Record) != record {
				t.Errorf("%s: %s, want %s", typ, got, record)
			}
		}
		report := only(events, "platform.report")[0]
		if report.get("metrics", "billedDurationMs") == nil || report.get("status") != nil || report.get("spans") != nil || report.get("tracing", "spanId") == nil {
			t.Errorf("report %s", report.Record)
		}
		if !contains(r.logs.texts(OriginPlatform), "LOGS\tName: ext-a\tState: Subscribed\tTypes: [Platform, Function]") {
			t.Errorf("lines %q", r.logs.texts(OriginPlatform))
		}
	}
}
