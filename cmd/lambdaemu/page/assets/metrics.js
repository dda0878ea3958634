// The third section: metrics as CloudWatch would draw them, and what they cost.
import { bytes, clock, count, money, number, plural } from "./format.js";
import { bill, doubled, prices, statistic, usual } from "./emf.js";
import { linear, path, points } from "./scale.js";
import { empty, fill, h, renew, said, table, tr } from "./dom.js";

const plotWidth = 240;
const plotHeight = 56;
const shownSeries = 60;

const unitShort = { Milliseconds: "ms", Seconds: "s", Microseconds: "µs", Bytes: "B", Kilobytes: "kB", Megabytes: "MB", Percent: "%", Count: "" };

export function newMetrics(app) {
  const view = { statistic: "usual", perMonth: 1000000, open: new Set() };
  const none = h("div");
  const warnings = h("div", { role: "status" });
  const cards = h("div", { class: "cards" });
  const bills = billColumns();
  const billTable = table("Cost of a month", bills, () => billRows(app.run, view));
  const total = h("p", { class: "headline" });
  const perMonth = h("input", { type: "number", min: "1", step: "100000", value: view.perMonth, id: "per-month", input: (e) => { view.perMonth = Math.max(1, Number(e.target.value) || 1); app.changed(); } });
  const el = h("section", { id: "metrics", "aria-labelledby": "metrics-title" },
    h("header", {}, h("h2", { id: "metrics-title" }, "Metrics"), h("div", { class: "tools" }, statisticChoice(view, app))),
    none, warnings, cards,
    h("div", { class: "block" }, h("header", {}, h("h3", {}, "What this would cost a month"), billTable.copy),
      h("p", { class: "note" }, h("label", { for: "per-month" }, "Invocations a month "), perMonth, ` List prices of us-east-1, free tier left out: $${prices.metricMonth.toFixed(2)} a metric, $${prices.logGiB.toFixed(2)} a GiB of logs. As if all invocations were like those of this run, and each metric had a value in every hour.`), total, billTable.el));

  function draw() {
    const { run } = app;
    const all = [...run.series.values()];
    renew(none, all.length === 0, () => all.length > 0 ? [] : empty("No metric yet.", "Metrics are lines in CloudWatch's embedded metric format; they appear here as soon as one is printed."));
    const twice = doubled(run.series);
    renew(warnings, twice.map((s) => s.key).join(), () => twice.map((s) => h("p", { class: "warning" }, h("strong", {}, "Counted twice: "), said(s.name), " of ", said(s.namespace), ` comes from ${[...s.sources].join(" and from ")} with the same dimensions. CloudWatch adds them up.`)));
    fill(cards, all.slice(0, shownSeries), (s) => s.key, (s) => `${view.statistic} ${s.count} ${view.open.has(s.key)}`, (s) => card(s, view));
    const rows = billRows(run, view);
    fill(billTable.body, rows, (r) => r.source, (r) => Object.values(r).join(), (r) => tr(bills, r, { class: r.source === "Total" ? "sum" : null }));
    renew(total, `${run.totals.done} ${view.perMonth} ${rows.at(-1)?.all}`, () => run.totals.done === 0 ? empty("Nothing to count yet.", "") : [h("strong", {}, money(rows.at(-1).all)), ` a month for ${count(view.perMonth)} invocations`, h("span", { class: "dim" }, `, from ${plural(run.totals.done, "invocation")} of this run`)]);
  }
  return { el, draw, view };
}

function statisticChoice(view, app) {
  return h("fieldset", { class: "choice" }, h("legend", { class: "hidden" }, "Statistic by second"), [["usual", "By unit"], ["sum", "Sum"], ["average", "Average"], ["p99", "p99"]].map(([value, text]) => h("label", {},
    h("input", { type: "radio", name: "statistic", value, checked: view.statistic === value, change: () => { view.statistic = value; app.changed(); } }), h("span", {}, text))));
}

function card(one, view) {
  const values = statistic(one, view.statistic);
  const last = values.at(-1)?.[1];
  const unit = unitShort[one.unit] ?? one.unit;
  const shown = view.statistic === "usual" ? usual(one) : view.statistic;
  const low = Math.min(0, ...values.map((v) => v[1]));
  const high = Math.max(...values.map((v) => v[1]), low + 1e-9);
  const x = linear(values[0]?.[0] ?? 0, Math.max(values.at(-1)?.[0] ?? 1, (values[0]?.[0] ?? 0) + 1), 3, plotWidth - 3);
  const y = linear(low, high, plotHeight - 4, 4);
  const list = points(values, x, y);
  const name = `${one.name}${unit ? `, ${one.unit}` : ""}: ${shown} by second, last ${number(last)}, highest ${number(high)}, ${plural(values.length, "second")}`;
  const base = `M${list[0]?.[0] ?? 0} ${y(low)}`;
  return h("figure", { class: "card", "data-metric": one.name },
    h("figcaption", {}, h("strong", {}, said(one.name)), h("span", { class: "dim" }, said([one.namespace, ...one.dimensions.map(([k, v]) => `${k}=${v}`)].join(" · ")))),
    h("p", { class: "value" }, h("span", { class: "last" }, number(last)), unit ? h("span", { class: "unit" }, ` ${unit}`) : null, h("span", { class: "dim" }, ` ${shown} of ${clock(values.at(-1)?.[0] * 1000).slice(0, 8)}`)),
    h("svg", { viewBox: `0 0 ${plotWidth} ${plotHeight}`, role: "img", "aria-label": name, preserveAspectRatio: "none" },
      h("line", { class: "base", x1: 0, x2: plotWidth, y1: y(Math.max(low, 0)), y2: y(Math.max(low, 0)) }),
      list.length > 1 ? [h("path", { class: "area", d: `${base}${path(list).replace("M", "L")}L${list.at(-1)[0]} ${y(low)}Z` }), h("path", { class: "curve", d: path(list) })] : h("line", { class: "curve", x1: plotWidth / 2 - 6, x2: plotWidth / 2 + 6, y1: list[0]?.[1] ?? 0, y2: list[0]?.[1] ?? 0 })),
    h("details", { open: view.open.has(one.key), toggle: (e) => { e.target.open ? view.open.add(one.key) : view.open.delete(one.key); } }, h("summary", {}, `${plural(one.count, "value")}`), valueTable(one)));
}

function valueTable(one) {
  const seconds = [...one.seconds].sort((a, b) => b[0] - a[0]).slice(0, 30);
  const columns = [
    { label: "Second", cell: ([s]) => clock(s * 1000).slice(0, 8) },
    { label: "n", number: true, cell: ([, b]) => count(b.n) },
    { label: "Sum", number: true, cell: ([, b]) => number(b.sum) },
    { label: "Average", number: true, cell: ([, b]) => number(b.sum / b.n) },
    { label: "Max", number: true, cell: ([, b]) => number(b.max) },
  ];
  const t = table(`Values of ${one.name}`, columns, () => [...one.seconds]);
  t.body.append(...seconds.map((row) => tr(columns, row)));
  return [t.copy, t.el];
}

function billColumns() {
  return [
    { label: "Printed by", cell: (r) => said(r.source) },
    { label: "Lines an invocation", number: true, text: (r) => r.lines.toFixed(2), cell: (r) => number(Number(r.lines.toFixed(2))) },
    { label: "Stored an invocation", number: true, text: (r) => Math.round(r.bytes), cell: (r) => bytes(r.bytes) },
    { label: "Logs", number: true, text: (r) => r.logs.toFixed(4), cell: (r) => money(r.logs) },
    { label: "Metrics", number: true, text: (r) => r.metrics, cell: (r) => r.metrics ? `${count(r.metrics)} · ${money(r.price)}` : "–" },
    { label: "Together", number: true, text: (r) => r.all.toFixed(4), cell: (r) => money(r.all) },
  ];
}

function billRows(run, view) {
  if (run.totals.done === 0) return [];
  const rows = bill(run.stored, run.series, run.totals.done, view.perMonth).map((r) => ({ ...r, all: r.logs + r.price }));
  const sum = { source: "Total", lines: 0, bytes: 0, metrics: 0, logs: 0, price: 0, all: 0 };
  for (const r of rows) for (const k of Object.keys(sum)) if (k !== "source") sum[k] += r[k];
  return [...rows, sum];
}
