import { test } from "node:test";
import assert from "node:assert/strict";
import { apply, decisions, newRun, phases } from "./run.js";

const t0 = Date.UTC(2026, 10, 30, 10, 0, 0);
const iso = (ms) => new Date(t0 + ms).toISOString();
const feed = (run, list) => list.forEach(([at, who, what, detail, data]) => apply(run, { at: t0 + at, who, what, detail, data }));
const printed = (at, origin, who, text, taken = at) => [taken, who, "line", "", { origin, printed: iso(at), taken: iso(taken), text }];

const init = [
  [0, "platform", "run", "function", { function: "function", initType: "on-demand", timeoutNs: 3e9, memoryMB: 128, concurrency: 1, freezes: true }],
  [0, "platform", "init", "init on-demand"], [0, "ext", "exec", "ext"], [20, "ext", "register", "", { events: ["INVOKE"], status: 200 }],
  [21, "runtime", "exec", "boot"], [25, "ext", "next"], [40, "runtime", "next"], [41, "platform", "init end", "success", { phase: "init", status: "success", tookNs: 41e6 }], [41, "platform", "freeze"],
];
const invocation = (at, id, number, outcome = {}) => [
  [at, "platform", "thaw"], [at, "platform", "invoke", id, { requestId: id, number, deadline: iso(at + 3000), event: {} }],
  [at, "ext", "INVOKE", id], [at + 1, "runtime", "invocation", id], printed(at + 3, "function", "runtime", "hello"),
  [at + 6, "runtime", "response", "→ 202", { requestId: id, status: 202, bytes: 2 }], [at + 7, "runtime", "next"], [at + 9, "ext", "next"],
  [at + 10, "platform", "invoke end", "success"], [at + 10, "platform", "freeze"],
  [at + 11, "platform", "outcome", "", { requestId: id, status: "success", cold: number === 1, durationNs: 7e6, payload: {}, payloadBytes: 2, ...outcome }],
];

test("an invocation has its steps, the init it waited for first", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1)]);
  const inv = run.invocations[0];
  assert.deepEqual(phases(inv, 0).map((p) => [p.name, p.to - p.from]), [["init-ext", 21], ["init", 20], ["wait", 1], ["handler", 5], ["runtime", 1], ["after", 2]]);
  assert.equal(inv.outcome.kind, "ok");
  assert.deepEqual(run.freezes, [[t0 + 41, t0 + 100]]);
  assert.equal(run.totals.cold, 1);
});

test("the second invocation does not show the init again", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1), ...invocation(200, "r-2", 2)]);
  assert.equal(phases(run.invocations[1], 0)[0].name, "wait");
});

test("a copy that comes with the next invocation joins its own", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1), ...invocation(200, "r-2", 2), printed(201, "extension", "ext", '{"message":"hello","function_request_id":"r-1"}')]);
  assert.deepEqual(run.invocations.map((i) => i.lines.map((l) => l.origin)), [["function", "extension"], ["function"]]);
});

test("the proxy's share is one step, of which the sides are not told apart", () => {
  const run = newRun();
  const rec = { _aws: { Timestamp: t0, CloudWatchMetrics: [{ Namespace: "n", Dimensions: [[]], Metrics: [{ Name: "ProxyDuration" }] }] }, function_arn: "a", cold_start: true, function_request_id: "r-1", proxy: true, ProxyDuration: 2, answered_by: "idempotency", hook_errors: 1 };
  feed(run, [...init, ...invocation(100, "r-1", 1), printed(112, "extension", "ext", JSON.stringify(rec))]);
  assert.deepEqual(phases(run.invocations[0], 0).filter((p) => ["proxy", "handler"].includes(p.name)).map((p) => p.to - p.from), [2, 3]);
  assert.deepEqual(decisions(run.invocations[0]), [["answered_by", "idempotency"], ["hook_errors", 1]]);
});

test("outcomes have one word each", () => {
  for (const [outcome, want] of [[{}, "ok"], [{ failed: true }, "error"], [{ status: "timeout", failed: true }, "timeout"], [{ status: "error" }, "crash"]]) {
    const run = newRun();
    feed(run, [...init, ...invocation(100, "r-1", 1, outcome)]);
    assert.equal(run.invocations[0].outcome.kind, want);
    assert.equal(run.totals.errors, want === "ok" ? 0 : 1);
  }
});

test("a start that failed and its repetition both stand before the handler", () => {
  const run = newRun();
  feed(run, [...init.slice(0, 7), [41, "platform", "init end", "error Runtime.ExitError", { phase: "init", status: "error", errorType: "Runtime.ExitError", tookNs: 41e6 }], [42, "platform", "reset", "failure"]]);
  feed(run, [[100, "platform", "invoke", "r-1", { requestId: "r-1", number: 1, deadline: iso(3100), event: {} }], [100, "platform", "init", "invoke on-demand"], [100, "runtime", "exec", "boot"], [150, "platform", "init end", "error Runtime.ExitError", { phase: "invoke", status: "error", errorType: "Runtime.ExitError", tookNs: 5e7 }], [151, "platform", "invoke end", "error Runtime.ExitError"], [152, "platform", "outcome", "", { requestId: "r-1", status: "error", errorType: "Runtime.ExitError", failed: true, durationNs: 5e7 }]]);
  assert.deepEqual(phases(run.invocations[0], 0).map((p) => [p.name, p.failed ?? false]), [["init-ext", false], ["init", true], ["init", true], ["wait", false]]);
});

test("managed instances: answers that cross, lines by their own id", () => {
  const run = newRun();
  feed(run, [[0, "platform", "run", "f", { initType: "lambda-managed-instances", concurrency: 4 }]]);
  for (const [i, id] of ["a", "b"].entries()) feed(run, [[10 + i, "platform", "invoke", id, { requestId: id, number: i + 1, deadline: iso(3000) }], [11 + i, "runtime", "invocation", id]]);
  feed(run, [printed(15, "function", "runtime", '{"requestId":"a","message":"of a"}'), printed(16, "function", "runtime", "nobody's"), printed(17, "extension", "ext", '{"message":"nobody\'s","function_request_id":"b"}')]);
  feed(run, [[20, "runtime", "response", "", { requestId: "b", status: 202, bytes: 1 }], [21, "platform", "invoke end", "success b"], [30, "runtime", "response", "", { requestId: "a", status: 202, bytes: 1 }], [31, "platform", "invoke end", "success a"]]);
  assert.deepEqual(run.invocations.map((i) => [i.id, i.to - t0]), [["a", 31], ["b", 21]]);
  assert.deepEqual(run.invocations.map((i) => i.lines.map((l) => l.rec?.message ?? l.text)), [["of a"], ["nobody's", "nobody's"]]);
});

test("a retry has a row of its own and says which try it is", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1, { failed: true }), ...invocation(200, "r-1", 2)]);
  assert.deepEqual(run.invocations.map((i) => [i.try, i.outcome.kind]), [[1, "error"], [2, "ok"]]);
});

test("what is said about a try that is over stands with that try", () => {
  const run = newRun();
  const about = (attempt) => JSON.stringify({ _aws: { Timestamp: t0, CloudWatchMetrics: [{ Namespace: "n", Dimensions: [[]], Metrics: [{ Name: "Errors" }] }] }, function_arn: "a", cold_start: true, function_request_id: "r-1", Errors: 1, attempt });
  const copy = '{"message":"hello","function_request_id":"r-1"}';
  feed(run, [...init, ...invocation(100, "r-1", 1, { failed: true }), ...invocation(200, "r-1", 2, { failed: true }), ...invocation(300, "r-1", 3)]);
  feed(run, [printed(301, "extension", "ext", copy), printed(302, "extension", "ext", about()), printed(303, "extension", "ext", copy), printed(304, "extension", "ext", about(2)), printed(305, "extension", "ext", copy), printed(306, "extension", "ext", about(3))]);
  assert.deepEqual(run.invocations.map((i) => [i.try, i.lines.map((l) => l.origin).join(), i.canonical?.rec.attempt ?? 1]), [[1, "function,extension,extension", 1], [2, "function,extension,extension", 2], [3, "function,extension,extension", 3]]);
});

test("faults, calls, usage and deliveries add up", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1)]);
  const call = (error) => [105, "aws", "aws call", "", { operation: "ssm:GetParameter", names: ["/a"], began: iso(104), tookNs: 1e6, status: error ? 400 : 200, error, fault: error && "throttled" }];
  feed(run, [call(), call("ThrottlingException"), [106, "platform", "fault", "", { of: "aws", name: "down", on: true }], [107, "platform", "fault", "", { of: "aws", name: "slow", on: true }], [108, "platform", "fault", "", { of: "platform", name: "sink-hung", on: true }]]);
  assert.deepEqual([...run.callCounts.values()], [{ operation: "ssm:GetParameter", calls: 2, failed: 1, throttled: 1 }]);
  assert.equal(run.invocations[0].calls.length, 2);
  assert.deepEqual([...run.faults.keys()], ["aws slow", "platform sink-hung"], "the embedded AWS has one fault at a time");
  feed(run, [[109, "platform", "fault", "", { of: "platform", name: "sink-hung", on: false }], [110, "ext", "telemetry POST", "", { events: 3, bytes: 400, status: 200 }], [111, "ext", "telemetry POST", "", { events: 3, bytes: 400, status: 0 }], [112, "ext", "usage", "", { cpuNs: 2e6, rssKB: 10, peakKB: 20 }]]);
  const ext = run.extensions.get("ext");
  assert.deepEqual([run.faults.size, ext.bytes, ext.received, ext.refused, ext.usage[0].cpu], [1, 400, 3, 1, 2]);
});

test("the end has its ledger, and a new environment starts without one", () => {
  const run = newRun();
  feed(run, [...init, ...invocation(100, "r-1", 1), [300, "platform", "shutdown", "spindown"], printed(301, "extension", "ext", '{"message":"shut down","telemetry":{"events":5}}'), [302, "ext", "exit", "0"], [303, "platform", "shutdown end", "", { reason: "spindown", tookNs: 3e6, extensions: [{ name: "ext", code: 0, afterNs: 1e6 }], events: 5, delivered: 5, lost: 0 }]]);
  assert.equal(run.ending.delivered, 5);
  assert.equal(run.endLines.length, 1);
  assert.deepEqual(run.invocations[0].lines.map((l) => l.text), ["hello"]);
  assert.equal(run.extensions.get("ext").exit, "0");
  feed(run, [[400, "platform", "init", "init on-demand"]]);
  assert.equal(run.ending, null);
});

test("a long run stays bounded", () => {
  const run = newRun();
  feed(run, init);
  for (let i = 1; i <= 3000; i++) feed(run, invocation(i * 100, `r-${i}`, i));
  assert.equal(run.invocations.length, 1000);
  assert.equal(run.byID.size, 1000);
  assert.equal(run.forgotten, 2000);
  assert.equal(run.totals.done, 3000);
  assert.ok(run.freezes.length <= 2000 && run.totals.durations.length <= 2000);
  for (let i = 0; i < 80; i++) feed(run, [printed(400000 + i, "function", "runtime", "x".repeat(256 * 1024))]);
  assert.ok(run.text < 22 * 2 ** 20, String(run.text));
});
