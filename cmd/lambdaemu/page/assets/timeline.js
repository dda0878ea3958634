// The first section: a row for each invocation, on one line of time.
import { bytes, clock, count, duration, plural } from "./format.js";
import { axis, lanes } from "./lanes.js";
import { linear, round, ticks } from "./scale.js";
import { elapsed, parts, phases } from "./run.js";
import { chip, empty, fill, h, renew, table, tr } from "./dom.js";

const lineWidth = 1000; // of the drawing; it is stretched to what there is

const phaseLegend = [
  ["init-ext", "init: extensions"], ["init", "init: runtime"], ["wait", "platform"], ["proxy", "proxy and hooks"], ["handler", "handler"], ["runtime", "runtime"], ["after", "extensions after"], ["call", "AWS call"],
];

export function newTimeline(app) {
  const view = { mode: "run", rows: 20, end: null }; // end: the last row shown, null for the newest
  const columns = timelineColumns(app, view);
  const t = table("Timeline", columns, () => app.run.invocations);
  const legend = h("ul", { class: "legend", "aria-label": "Colours of the timeline" }, phaseLegend.map(([name, label]) => h("li", {}, h("span", { class: `swatch ${name}` }), label)));
  const range = h("span", { class: "range", role: "status" });
  const older = h("button", { class: "quiet", click: () => move(-1) }, "← Older");
  const newer = h("button", { class: "quiet", click: () => move(1) }, "Newer →");
  const latest = h("button", { class: "quiet", click: () => { view.end = null; app.changed(); } }, "Latest");
  const tip = h("div", { class: "tip", "aria-hidden": "true", hidden: true });
  const none = h("div");
  const el = h("section", { id: "timeline", "aria-labelledby": "timeline-title" },
    h("header", {}, h("h2", { id: "timeline-title" }, "Timeline"),
      h("div", { class: "tools" }, choice("Line of time", "mode", [["run", "Run time"], ["start", "From start"]], view, app), choice("Rows", "rows", [[20, "20"], [50, "50"], [100, "100"]], view, app), older, newer, latest, t.copy)),
    none, t.el, h("footer", {}, legend, range), tip);

  function move(by) {
    const all = app.run.invocations.length;
    const end = Math.min(all, Math.max(Math.min(view.rows, all), (view.end ?? all) + by * view.rows));
    view.end = end >= all ? null : end;
    app.changed();
  }

  function draw(now) {
    const { run } = app;
    const all = run.invocations;
    renew(none, all.length === 0, () => all.length > 0 ? [] : empty("No invocation yet.", run.ended ? "The run ended without one." : "Press “Invoke” below, or send one with the command that lambdaemu printed."));
    t.el.hidden = el.querySelector("footer").hidden = all.length === 0;
    if (all.length === 0) return;
    const end = Math.min(view.end ?? all.length, all.length);
    const begin = Math.max(0, end - view.rows);
    const shown = all.slice(begin, end);
    const scale = view.mode === "run" ? runScale(run, shown, now) : startScale(shown, now);
    drawAxis(columns, scale);
    fill(t.body, [...shown].reverse(), (i) => i.number, (i) => rowSign(app, i), (i) => row(i));
    // Bars change with every new row; what stands beside them stays, and with it a selection.
    shown.forEach((inv, i) => renew(t.body.children[shown.length - 1 - i].querySelector(".bar"), barSign(inv, scale, now), () => drawBar(inv, scale, now)));
    older.disabled = begin === 0;
    newer.disabled = latest.disabled = view.end == null;
    const forgotten = run.forgotten > 0 ? `; ${plural(run.forgotten, "earlier one")} left out` : "";
    const together = Math.max(...lanes(shown.map((i) => [i.from, i.to ?? now]))) + 1;
    range.textContent = `${together > 1 ? `up to ${together} at once; ` : ""}${shown.length === all.length ? `all ${count(all.length)}` : `${shown[0].number}–${shown.at(-1).number} of ${count(all.length)}`}${forgotten}`;
  }

  function row(inv) {
    const el = tr(columns, inv, { class: `row ${stateOf(inv)}${app.selected === inv.number ? " selected" : ""}`, click: () => app.select(inv.number) });
    const cell = el.querySelector(".bar");
    cell.addEventListener("pointermove", (e) => showTip(tip, el.closest("section"), inv, e.target.dataset?.phase, e, performance.timeOrigin + performance.now()));
    cell.addEventListener("pointerleave", () => { tip.hidden = true; });
    return el;
  }

  return { el, draw, view };
}

function choice(label, name, options, view, app) {
  return h("fieldset", { class: "choice" }, h("legend", { class: "hidden" }, label), options.map(([value, text]) => h("label", {},
    h("input", { type: "radio", name, value, checked: view[name] === value, change: () => { view[name] = value; app.changed(); } }), h("span", {}, text))));
}

function timelineColumns(app) {
  const number = (i) => String(i.number) + (i.try > 1 ? ` · try ${i.try}` : "");
  return [
    { label: "#", text: number, cell: (i) => h("button", { class: "link", "data-focus": "number", "aria-pressed": String(app.selected === i.number), "aria-label": `Show invocation ${i.number}`, click: (e) => { e.stopPropagation(); app.select(i.number); } }, number(i)) },
    { label: "Outcome", text: outcomeText, cell: (i) => chip(stateOf(i), outcomeText(i)) },
    { label: "Time", class: "bar", head: h("div", { class: "axis" }), text: (i) => clock(i.from), cell: () => "" },
    { label: "Duration", number: true, text: (i) => i.outcome ? (i.outcome.durationNs / 1e6).toFixed(3) : "", cell: (i) => i.outcome ? duration(i.outcome.durationNs / 1e6) : "…" },
    { label: "Init", number: true, wide: true, text: (i) => initOf(i)?.toFixed(3) ?? "", cell: (i) => initOf(i) == null ? "" : duration(initOf(i)) },
    { label: "Extensions", number: true, wide: true, text: (i) => ((i.outcome?.postRuntimeNs ?? 0) / 1e6).toFixed(3), cell: (i) => i.outcome?.postRuntimeNs ? `+${duration(i.outcome.postRuntimeNs / 1e6)}` : "" },
    { label: "Billed", number: true, wide: true, text: (i) => (i.outcome?.billedNs ?? 0) / 1e6, cell: (i) => i.outcome?.billedNs ? `${count(i.outcome.billedNs / 1e6)} ms` : "" },
    { label: "Deadline used", number: true, wide: true, text: (i) => share(i), cell: (i) => share(i) },
    { label: "Answer", number: true, wide: true, text: (i) => i.outcome?.payloadBytes ?? "", cell: (i) => i.outcome ? bytes(i.outcome.payloadBytes) : "" },
  ];
}

function initOf(inv) {
  const ns = (inv.outcome?.initNs ?? 0) + (inv.outcome?.restoreNs ?? 0);
  return ns > 0 ? ns / 1e6 : null;
}

function share(inv) {
  if (inv.to == null || !Number.isFinite(inv.deadline)) return "";
  const used = ((inv.to - inv.from) / (inv.deadline - inv.from)) * 100;
  return used < 1 ? "< 1 %" : `${Math.min(100, Math.round(used))} %`;
}

export function stateOf(inv) {
  return inv.outcome?.kind ?? (inv.to == null ? "running" : "ok");
}

export function outcomeText(inv) {
  const o = inv.outcome;
  if (!o) return inv.to == null ? "running" : "done";
  if (o.kind === "ok") return inv.canonical?.rec.outcome === "partial" ? "partial" : o.cold ? "ok · cold" : "ok";
  if (o.kind === "timeout") return "time-out";
  const own = o.payload?.errorType; // the handler's word says more than the runtime's "unknown"
  return own && (!o.errorType || o.errorType === "Runtime.Unknown") ? String(own) : o.errorType || o.kind;
}

// runScale has one line for all rows, without the time in which nothing ran.
export function runScale(run, shown, now) {
  const a = axis(shown.flatMap((i) => parts(i, now)), lineWidth, 22);
  const frozen = (b) => run.freezes.some(([from, to]) => from < b.to && to > b.from) || (run.frozen != null && run.frozen < b.to);
  const first = a.parts[0].from;
  const marks = a.parts.flatMap((p, i) => {
    const n = Math.floor(p.width / 110);
    return i === 0 || n > 0 ? ticks(0, p.to - p.from, Math.max(1, n)).filter((_, k) => k === 0 || n > 0).map((t) => ({ x: a.x(p.from + t), label: t === 0 ? `+${duration(p.from - first)}` : duration(t), minor: t !== 0 })) : [];
  });
  return { x: a.x, marks: apart(marks), breaks: a.breaks.map((b) => ({ ...b, frozen: frozen(b) })), sign: `run ${first} ${a.parts.length} ${a.parts.map((p) => round(p.width)).join()}` };
}

// apart leaves out labels that would stand on another.
function apart(marks) {
  let last = -Infinity;
  return marks.filter((m) => {
    if (m.x - last < 70 || m.x > lineWidth - 40) return false;
    last = m.x;
    return true;
  });
}

// startScale begins every row at its own start.
export function startScale(shown, now) {
  const most = Math.max(0.001, ...shown.map((i) => elapsed(parts(i, now), Infinity)));
  const limit = Math.min(...shown.map((i) => elapsed(parts(i, now), i.from) + i.deadline - i.from).filter(Number.isFinite), Infinity);
  const to = limit < most * 1.5 ? Math.max(limit * 1.02, most) : most;
  const x = linear(0, to, 0, lineWidth);
  return { own: true, x: (at) => round(x(at)), marks: apart(ticks(0, to, 8).map((t) => ({ x: x(t), label: duration(t) }))), breaks: [], sign: `start ${to.toPrecision(6)}` };
}

function drawAxis(columns, scale) {
  const head = columns.find((c) => c.class === "bar").head;
  renew(head, scale.sign, () => [
    ...scale.marks.map((m) => {
      const el = h("span", { class: m.minor ? "tick minor" : "tick" }, m.label);
      el.style.left = `${m.x / lineWidth * 100}%`;
      return el;
    }),
  ]);
}

function rowSign(app, inv) {
  return [outcomeText(inv), stateOf(inv), inv.to, app.selected === inv.number].join(" ");
}

function barSign(inv, scale, now) {
  const running = inv.to == null ? Math.round(now / 50) : "";
  return [scale.sign, running, inv.handed, inv.answered, inv.next, inv.to, inv.calls.length, inv.canonical != null, inv.inits.length, scale.breaks.filter((b) => b.frozen).length].join(" ");
}

// drawBar is one row's drawing; the numbers stand in the cells beside it.
export function drawBar(inv, scale, now) {
  const own = scale.own ? parts(inv, now) : null;
  const x = own ? (at) => scale.x(elapsed(own, at) + Math.max(0, at - own.at(-1)[1])) : scale.x;
  const rects = phases(inv, now).map((p) => {
    const from = x(p.from);
    return h("rect", { class: `phase ${p.name}${p.failed ? " failed" : ""}`, "data-phase": p.label, x: from, y: 4, width: Math.max(1.2, round(x(p.to) - from)), height: 16 });
  });
  const calls = inv.calls.map((c) => h("rect", { class: c.error ? "phase call failed" : "phase call", "data-phase": `${c.operation}${c.error ? ` ${c.error}` : ""}`, x: x(c.from), y: 20.5, width: Math.max(1.2, round(x(c.from + c.ms) - x(c.from))), height: 2.5 }));
  const gaps = scale.breaks.map((b) => h("rect", { class: b.frozen ? "gap frozen" : "gap", "data-phase": `${b.frozen ? "frozen" : "idle"} for ${duration(b.ms)}`, x: b.x, y: 0, width: b.width, height: 24 }));
  const deadline = Number.isFinite(inv.deadline) && deadlineShows(inv, scale, x, now) ? h("line", { class: "deadline", x1: x(inv.deadline), x2: x(inv.deadline), y1: 0, y2: 24 }) : null;
  return h("svg", { viewBox: `0 0 ${lineWidth} 24`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, gaps, rects, calls, deadline);
}

function deadlineShows(inv, scale, x, now) {
  if (scale.own) return x(inv.deadline) <= lineWidth;
  return (inv.to ?? now) >= inv.from + (inv.deadline - inv.from) * 0.5;
}

function showTip(tip, section, inv, phase, e, now) {
  const list = phases(inv, now);
  renew(tip, `${inv.number} ${phase} ${inv.to}`, () => [
    h("strong", {}, `#${inv.number} ${outcomeText(inv)}`), h("span", { class: "dim" }, clock(inv.from)),
    h("dl", {}, list.map((p) => [h("dt", { class: p.label === phase ? "on" : null }, p.label), h("dd", {}, duration(p.to - p.from))]), list.some((p) => p.label === phase) || !phase ? [] : [h("dt", { class: "on" }, phase), h("dd", {})], inv.calls.slice(0, 6).map((c) => [h("dt", {}, c.operation), h("dd", {}, c.error || duration(c.ms))])),
  ]);
  tip.hidden = false;
  const box = section.getBoundingClientRect();
  const left = Math.min(e.clientX - box.left + 14, box.width - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${e.clientY - box.top + 16}px`;
}
