import { test } from "node:test";
import assert from "node:assert/strict";
import { bytes, clock, duration, instant, marked, money, number, plural, tsv } from "./format.js";
import { linear, path, percentile, ticks } from "./scale.js";
import { axis, busy, lanes } from "./lanes.js";
import { addSample, bill, doubled, samples, statistic } from "./emf.js";
import { additions, copies, pairs, record, requestID } from "./pair.js";

test("durations keep three digits that matter", () => {
  for (const [ms, want] of [[0, "0 ms"], [0.025, "25 µs"], [0.5, "0.50 ms"], [4.333, "4.33 ms"], [23.95, "23.9 ms"], [241.2, "241 ms"], [1500, "1.50 s"], [61000, "1 min 1 s"], [undefined, "–"], [NaN, "–"]]) assert.equal(duration(ms), want);
});

test("other numbers", () => {
  assert.deepEqual([0, 999, 1000, 15400, 2500000].map(bytes), ["0 B", "999 B", "1.0 kB", "15 kB", "2.5 MB"]);
  assert.deepEqual([0, 1234567, 0.5, 17.1875, 1e-7].map(number), ["0", "1,234,567", "0.5", "17.188", "1.00e-7"]);
  assert.deepEqual([0, 0.001, 2.9, 1234.5].map(money), ["$0.00", "< $0.01", "$2.90", "$1,234.50"]);
  assert.deepEqual([plural(1, "line"), plural(2, "line"), plural(1000, "entry", "entries")], ["1 line", "2 lines", "1,000 entries"]);
});

test("an instant has microseconds, whatever its zone", () => {
  assert.equal(instant("2026-11-30T20:23:00.512502695Z"), Date.UTC(2026, 10, 30, 20, 23, 0) + 512.503);
  assert.equal(instant("2026-11-30T22:23:00+02:00"), Date.UTC(2026, 10, 30, 20, 23, 0));
  assert.ok(Number.isNaN(instant("soon")) && Number.isNaN(instant(undefined)));
  assert.match(clock(0), /^\d\d:\d\d:00\.000$/);
});

test("characters that turn or hide text are named", () => {
  assert.deepEqual(marked("a\u202Eb\u0000"), [{ text: "a" }, { mark: "U+202E" }, { text: "b" }, { mark: "U+0000" }]);
  assert.deepEqual(marked("tab\tand\nline, ümlaut, 日本, שלום"), [{ text: "tab\tand\nline, ümlaut, 日本, שלום" }]);
});

test("a table as TSV has one line a row", () => {
  assert.equal(tsv([["a", "b"], ["1\t2", "x\r\ny"], [null, 0]]), "a\tb\n1 2\tx y\n\t0\n");
});

test("a scale maps both ends, also of nothing", () => {
  const x = linear(10, 20, 0, 100);
  assert.deepEqual([10, 15, 20].map(x), [0, 50, 100]);
  assert.equal(linear(5, 5, 3, 9)(5), 3);
});

test("ticks are round and within", () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(0.13, 0.29, 4), [0.15, 0.2, 0.25]);
  assert.deepEqual(ticks(3, 3, 4), [3]);
  for (const [from, to] of [[0, 1], [0, 7], [-3, 12], [0, 1e6], [0.001, 0.0042]]) {
    const list = ticks(from, to, 6);
    assert.ok(list.length >= 2 && list.length <= 13 && list[0] >= from && list.at(-1) <= to + 1e-9, `${from} ${to}: ${list}`);
  }
});

test("percentiles are by nearest rank", () => {
  assert.equal(percentile([5, 1, 4, 2, 3], 0.5), 3);
  assert.equal(percentile(Array.from({ length: 100 }, (_, i) => i + 1), 0.99), 99);
  assert.equal(percentile([7], 0.99), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("busy joins what overlaps or touches", () => {
  assert.deepEqual(busy([[5, 6], [0, 2], [1, 3], [3, 4]]), [[0, 4], [5, 6]]);
});

test("an axis leaves out long gaps and keeps the order of everything", () => {
  const a = axis([[0, 10], [1010, 1020], [1021, 1030]], 1000, 20);
  assert.equal(a.breaks.length, 1);
  assert.equal(a.breaks[0].ms, 1000);
  assert.equal(a.x(0), 0);
  assert.equal(a.x(1030), 1000);
  let last = -1;
  for (let t = 0; t <= 1030; t += 0.5) {
    assert.ok(a.x(t) >= last, `at ${t}`);
    last = a.x(t);
  }
  assert.ok(a.x(5) > 100, "what is busy has the room");
  assert.equal(axis([], 100, 10).x(5), 0);
  assert.equal(axis([[5, 5]], 100, 10).breaks.length, 0);
});

test("lanes part what overlaps", () => {
  assert.deepEqual(lanes([[0, 10], [1, 5], [2, 3], [5, 7], [10, 12]]), [0, 1, 2, 1, 0]);
});

const document_ = (values, extra = {}) => ({ _aws: { Timestamp: 5000, CloudWatchMetrics: [{ Namespace: "shop", Dimensions: [["service"], ["service", "zone"]], Metrics: [{ Name: "Orders", Unit: "Count" }, { Name: "missing" }] }] }, service: "a", zone: "z", Orders: values, ...extra });

test("a document has a sample for each metric and set of dimensions", () => {
  const list = samples(document_([1, 2]));
  assert.deepEqual(list.map((s) => [s.name, s.values, s.dimensions.length]), [["Orders", [1, 2], 1], ["Orders", [1, 2], 2]]);
  assert.deepEqual(samples(document_({ Values: [3], Counts: [2] }))[0].values, [3, 3]);
  for (const no of [null, 5, {}, { _aws: 1 }, { _aws: { CloudWatchMetrics: {} } }, document_("text"), document_(1, { _aws: { CloudWatchMetrics: document_(1)._aws.CloudWatchMetrics } })]) assert.deepEqual(samples(no), []);
});

test("a dimension without a value makes no metric of its set", () => {
  assert.deepEqual(samples(document_(1, { zone: undefined })).map((s) => s.dimensions), [[["service", "a"]]]);
});

test("statistics are by second, and two sources are told", () => {
  const series = new Map();
  for (const [value, at] of [[1, 1000], [3, 1500], [10, 2500]]) addSample(series, { ...samples(document_(value))[0], at }, "ext");
  const one = [...series.values()][0];
  assert.deepEqual(statistic(one, "sum"), [[1, 4], [2, 10]]);
  assert.deepEqual(statistic(one, "average"), [[1, 2], [2, 10]]);
  assert.deepEqual(statistic(one, "p99"), [[1, 3], [2, 10]]);
  assert.equal(one.last, 10);
  assert.deepEqual(doubled(series), []);
  addSample(series, samples(document_(1))[0], "function");
  assert.equal(doubled(series).length, 1);
});

test("a series stays small in a long run", () => {
  const series = new Map();
  for (let i = 0; i < 5000; i++) addSample(series, { ...samples(document_(1))[0], at: i * 1000 }, "ext");
  assert.ok([...series.values()][0].seconds.size <= 900);
});

test("a month costs what its invocations store and its metrics", () => {
  const series = new Map();
  addSample(series, samples(document_(1))[0], "ext");
  const rows = bill(new Map([["ext", { lines: 4, bytes: 2 * 2 ** 30 }]]), series, 2, 3);
  assert.deepEqual(rows, [{ source: "ext", lines: 2, bytes: 2 ** 30, metrics: 1, logs: 1.5, price: 0.3 }]);
});

const rawLine = (text, at = 1) => ({ origin: "function", text, rec: record(text), printed: at });
const extLine = (rec, at = 2, emf = false) => ({ origin: "extension", text: JSON.stringify(rec), rec, printed: at, emf });

test("a copy has all members, or the text as its message", () => {
  assert.ok(copies(extLine({ a: 1, b: { c: 2 }, service: "s" }), rawLine('{"a":1,"b":{"c":2}}')));
  assert.ok(!copies(extLine({ a: 2, service: "s" }), rawLine('{"a":1}')));
  assert.ok(copies(extLine({ message: "order placed", service: "s" }), rawLine("order placed")));
  assert.ok(copies(extLine({ message: "order placed" }), rawLine("2026-11-30T10:00:00Z id INFO order placed")));
  assert.ok(!copies(extLine({ message: "" }), rawLine("anything")));
  assert.ok(!copies(extLine({ a: 1 }), rawLine("{}")));
});

test("lines are joined once each, in the order of printing", () => {
  const rows = pairs([rawLine("x", 1), rawLine("x", 2), extLine({ message: "x", n: 1 }, 3), extLine({ message: "x", n: 2 }, 4), extLine({ _aws: {} }, 1.5, true)]);
  assert.deepEqual(rows.map((r) => [r.raw?.text, r.enriched?.rec.n]), [["x", 1], [undefined, undefined], ["x", 2]]);
  assert.deepEqual(additions(rows[0].enriched, rows[0].raw), ["n"]);
  assert.deepEqual(additions(extLine({ a: 1, service: "s" }), rawLine('{"a":1}')), ["service"]);
});

test("whose a line is, is its own word", () => {
  assert.equal(requestID({ function_request_id: "r-1" }), "r-1");
  assert.equal(requestID({ requestId: 5 }), "");
  assert.equal(requestID(null), "");
  assert.equal(record('{"a":1'), null);
  assert.equal(record("plain"), null);
});
