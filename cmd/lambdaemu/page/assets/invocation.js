// The second section: one invocation, its lines as printed and as stored.
import { bytes, clock, count, duration, number, plural } from "./format.js";
import { samples } from "./emf.js";
import { additions, message, pairs } from "./pair.js";
import { decisions, elapsed, parts, phases, sourceOf } from "./run.js";
import { outcomeText, stateOf } from "./timeline.js";
import { chip, copyText, empty, fill, h, long, renew, said, table, tr } from "./dom.js";

const firstLines = 200;

// waiting: telemetry waits while the sandbox is frozen, and with it what an
// extension will say about this invocation or an earlier one.
function waiting(run) {
  return run.frozen != null && !run.ending && run.invocations.at(-1)?.outcome?.pending > 0;
}

export function newInvocation(app) {
  let limit = firstLines;
  let shownOf = null;
  const body = h("div");
  const lineColumns = linesColumns(() => waiting(app.run), () => !app.run.ending);
  const lines = table("Lines of the invocation", lineColumns, () => (app.invocation() ? joinedLines(app.invocation()) : []));
  const more = h("button", { class: "quiet", click: () => { limit = Infinity; app.changed(); } }, "");
  const linesBox = h("div", { class: "block" }, h("header", {}, h("h3", {}, "Lines"), h("p", { class: "note" }, "Left as the process printed it, right as an extension wrote it to the log, with what was ", h("ins", {}, "added"), "."), lines.copy), lines.el, more);
  const eventColumns = canonicalColumns();
  const eventTable = table("Canonical event", eventColumns, () => canonicalRows(app.invocation()));
  const canonicalBox = h("div", { class: "block" }, h("header", {}, h("h3", {}, "Canonical event"), h("p", { class: "note" }, "One line for each invocation: its metrics are billed, its members cost only their bytes."), eventTable.copy), eventTable.el);
  const el = h("section", { id: "invocation", "aria-labelledby": "invocation-title" }, h("header", {}, h("h2", { id: "invocation-title", tabindex: "-1" }, "Invocation")), body, linesBox, canonicalBox);

  function draw(now) {
    const inv = app.invocation();
    if (inv !== shownOf) {
      limit = firstLines;
      shownOf = inv;
    }
    linesBox.hidden = canonicalBox.hidden = !inv;
    renew(body, inv ? [inv.number, inv.to, inv.outcome != null, inv.handed, inv.answered, inv.canonical != null, inv.calls.length, inv.to == null && Math.round(now / 200)].join() : "none", () => inv ? facts(inv, now, app) : empty("Nothing to show yet.", "The newest invocation appears here; choose another one in the timeline."));
    if (!inv) return;
    const rows = joinedLines(inv);
    const stored = rows.length === 0;
    renew(more, `${rows.length} ${limit}`, () => `Show all ${count(rows.length)} lines`);
    more.hidden = rows.length <= limit;
    fill(lines.body, stored ? [null] : rows.slice(0, limit), (r) => r ? `${inv.number} ${r.at}` : "none", (r) => r ? `${r.raw?.taken} ${r.enriched?.taken} ${waiting(app.run)} ${app.run.ending != null}` : inv.lineCount, (r) => r ? tr(lineColumns, r, { class: r.raw ? r.raw.origin : "extension" }) : h("tr", {}, h("td", { colspan: "3" }, inv.lineCount > 0 ? `${plural(inv.lineCount, "line")} are too old to be kept.` : "No line yet.")));
    canonicalBox.hidden = !inv.canonical;
    if (inv.canonical) fill(eventTable.body, canonicalRows(inv), (r) => `${inv.number} ${r.name}`, (r) => r.value, (r) => tr(eventColumns, r));
  }
  return { el, draw };
}

// joinedLines are the pairs, made anew when there are more lines.
function joinedLines(inv) {
  if (inv.joinedAt !== inv.lineCount || inv.joined.length > 0 && inv.lines.length === 0) {
    inv.joined = pairs(inv.lines).map((r, at) => ({ ...r, at }));
    inv.joinedAt = inv.lineCount;
  }
  return inv.joined;
}

function facts(inv, now, app) {
  const o = inv.outcome;
  const list = [
    ["Request", said(inv.id, { class: "mono" })], ["Began", clock(inv.from)],
    o && ["Duration", duration(o.durationNs / 1e6)], o?.initNs && ["Init", duration(o.initNs / 1e6)], o?.restoreNs && ["Restore", duration(o.restoreNs / 1e6)],
    o?.postRuntimeNs && ["Extensions after", `+${duration(o.postRuntimeNs / 1e6)}`], o?.billedNs && ["Billed", `${count(o.billedNs / 1e6)} ms`], o?.memoryMB && ["Memory", `${o.memoryMB} of ${app.run.config?.memoryMB ?? "?"} MB`],
    ["Deadline", inv.to == null ? clock(inv.deadline) : `${duration(Math.max(0, inv.deadline - inv.to))} left of ${duration(inv.deadline - inv.from)}`],
    app.run.invocations.at(-1) === inv && waiting(app.run) && ["Telemetry", `${plural(o.pending, "event")} wait while frozen`], o?.dropped && ["Telemetry lost", plural(o.dropped, "event")], inv.reset && ["Afterwards", `sandbox reset: ${inv.reset}`],
  ].filter(Boolean);
  const decided = decisions(inv);
  const steps = phases(inv, now);
  const ran = parts(inv, now);
  return [
    h("p", { class: "headline" }, h("strong", {}, `#${inv.number}`), " ", chip(stateOf(inv), outcomeText(inv)), inv.try > 1 ? h("span", { class: "dim" }, ` try ${inv.try} of this request`) : null),
    h("dl", { class: "facts" }, list.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v)))),
    h("div", { class: "columns" },
      h("div", { class: "block" }, h("h3", {}, "Event"), json(inv.event)),
      h("div", { class: "block" }, h("h3", {}, `Answer${o?.payloadBytes != null ? ` · ${bytes(o.payloadBytes)}` : ""}`), o ? json(o.payload) : empty("None yet.", "")),
      h("div", { class: "block" }, h("h3", {}, "Steps"), h("table", {}, h("caption", { class: "hidden" }, "Steps of the invocation"), h("thead", {}, h("tr", {}, ["Step", "At", "Took"].map((t, i) => h("th", { scope: "col", class: i > 0 ? "number" : null }, t)))), h("tbody", {}, steps.map((p) => h("tr", {}, h("th", { scope: "row" }, h("span", { class: `swatch ${p.name}` }), p.label), h("td", { class: "number" }, `+${duration(elapsed(ran, p.from))}`), h("td", { class: "number" }, duration(p.to - p.from))))))),
      h("div", { class: "block" }, h("h3", {}, "Proxy and hooks"), decided.length === 0 ? empty("Nothing to tell.", inv.canonical?.rec.proxy ? "No hook decided anything." : "Hooks see events through an extension's proxy.") : h("dl", { class: "facts" }, decided.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, said(v))))))),
  ];
}

// json is a value whose inner parts fold.
export function json(value, depth = 0) {
  if (depth === 0 && (value === null || typeof value !== "object" || Object.keys(value).length === 0)) return h("div", { class: "tree" }, json(value ?? null, 1));
  if (value === null || typeof value !== "object") return typeof value === "string" ? long(JSON.stringify(value), { class: "json string" }) : h("span", { class: "json" }, String(value));
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  if (entries.length === 0) return h("span", { class: "json" }, list ? "[]" : "{}");
  const items = h("ul", { class: "json" }, entries.slice(0, 500).map(([k, v]) => h("li", {}, list ? null : [said(k, { class: "key" }), ": "], json(v, depth + 1))), entries.length > 500 ? h("li", {}, `and ${plural(entries.length - 500, "more")}`) : null);
  if (depth === 0) return h("div", { class: "tree" }, items, h("button", { class: "quiet", "aria-label": "Copy JSON", click: (e) => copyText(JSON.stringify(value, null, 2), e.currentTarget) }, "Copy"));
  return h("details", { open: depth < 3 && entries.length <= 12 }, h("summary", {}, list ? plural(entries.length, "item") : plural(entries.length, "member")), items);
}

function linesColumns(waits, goesOn) {
  const moment = (r) => (r.raw ?? r.enriched);
  return [
    { label: "Printed", class: "when", text: (r) => clock(moment(r).printed), cell: (r) => [clock(moment(r).printed), h("br"), h("span", { class: "dim" }, whose(r))] },
    { label: "As printed", class: "text", text: (r) => r.raw?.text ?? "", cell: (r) => r.raw ? [long(r.raw.text, { class: "mono" }), reached(r.raw)] : h("span", { class: "dim" }, r.enriched.emf ? "metrics" : "of the extension") },
    { label: "As stored by an extension", class: "text", text: (r) => r.enriched?.text ?? "", cell: (r) => r.enriched ? [enriched(r), reached(r.enriched, r.raw)] : h("span", { class: "dim" }, r.raw.origin === "platform" ? "" : waits() ? "a copy may come after the thaw" : goesOn() ? "no copy so far: stored as printed" : "no copy: stored as printed") },
  ];
}

function whose(r) {
  const l = r.raw ?? r.enriched;
  return sourceOf(l) + (l.framed ? " · framed" : "");
}

// reached is when the log had a line; a copy is as old as what it copies.
function reached(l, raw) {
  const late = l.taken - (raw ?? l).printed;
  return h("span", { class: "reached", title: `reached the log at ${clock(l.taken)}` }, late >= 1 ? `in the log ${duration(late)} later` : `in the log ${clock(l.taken)}`);
}

// enriched is a copy with its additions marked, or a line as it is.
function enriched(r) {
  const { rec, text, emf } = r.enriched;
  if (emf) return [h("span", {}, [...new Map(samples(rec).map((m) => [m.name, m.values])).entries()].map(([name, values], i) => [i > 0 ? ", " : "", said(name, { class: "key" }), ` ${values.map(number).join(" ")}`])), h("details", { class: "raw" }, h("summary", {}, `the line, ${bytes(text.length)}`), long(text, { class: "mono" }))];
  if (!r.raw || !rec) return long(text, { class: "mono" });
  const added = new Set(additions(r.enriched, r.raw));
  const known = Object.entries(rec).filter(([k]) => !added.has(k));
  const value = (v) => typeof v === "string" ? v : JSON.stringify(v);
  return h("span", { class: "mono pairs" },
    r.raw.rec ? h("span", { class: "dim" }, plural(known.length, "member"), " as printed") : long(String(message(rec)), {}),
    [...added].map((k) => [" ", h("ins", {}, said(k, { class: "key" }), "=", long(value(rec[k]), {}))]));
}

function canonicalColumns() {
  return [
    { label: "Name", cell: (r) => said(r.name) },
    { label: "Value", class: "text", text: (r) => r.value, cell: (r) => long(r.value, {}) },
    { label: "Unit", cell: (r) => r.unit },
    { label: "Cost", cell: (r) => r.billed ? chip("billed", "metric · billed") : h("span", { class: "dim" }, "member · free") },
  ];
}

function canonicalRows(inv) {
  if (!inv?.canonical) return [];
  const units = new Map(inv.canonical.metrics.map((m) => [m.name, m.unit]));
  const rows = Object.entries(inv.canonical.rec).filter(([k]) => k !== "_aws").map(([name, v]) => ({ name, value: typeof v === "number" ? number(v) : typeof v === "object" ? JSON.stringify(v) : String(v), unit: units.get(name) ?? "", billed: units.has(name) }));
  return rows.sort((a, b) => b.billed - a.billed);
}
