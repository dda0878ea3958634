// The fourth section: what an extension's cache holds, and the calls behind it.
import { bytes, clock, count, duration, plural } from "./format.js";
import { chip, empty, fill, h, renew, said, table, tr } from "./dom.js";

const shownCalls = 100;

export function newParameters(app) {
  const columns = cacheColumns();
  const cache = table("Cached parameters", columns, () => app.run.cache?.entries ?? []);
  const noCache = h("div");
  const asOf = h("p", { class: "note" });
  const callsOf = callColumns(app);
  const calls = table("Calls to the embedded AWS", callsOf, () => app.run.calls);
  const noCalls = h("div");
  const sums = h("p", { class: "note" });
  const el = h("section", { id: "parameters", "aria-labelledby": "parameters-title" }, h("header", {}, h("h2", { id: "parameters-title" }, "Parameters")),
    h("div", { class: "columns two" },
      h("div", { class: "block" }, h("header", {}, h("h3", {}, "Cache"), cache.copy), noCache, asOf, cache.el),
      h("div", { class: "block" }, h("header", {}, h("h3", {}, "AWS calls"), calls.copy), noCalls, sums, calls.el)));

  function draw() {
    const { run } = app;
    const entries = run.cache?.entries ?? [];
    renew(noCache, `${run.cache != null} ${entries.length === 0}`, () => entries.length > 0 ? [] : run.cache ? empty("The cache is empty.", "Nothing has been read yet.") : empty("No cache to look into.", "An extension that answers GET /parameters/cache is asked after each invocation."));
    renew(asOf, run.cache?.at, () => run.cache ? `As it was at ${clock(run.cache.at)}, after an invocation. Values never leave the extension.` : "");
    cache.el.hidden = entries.length === 0;
    fill(cache.body, entries, (e) => e.ref, (e) => JSON.stringify(e), (e) => tr(columns, e));
    renew(noCalls, run.calls.length === 0, () => run.calls.length > 0 ? [] : empty("No call.", "Calls are seen where lambdaemu is the AWS: --params FILE."));
    calls.el.hidden = run.calls.length === 0;
    const all = [...run.callCounts.values()];
    renew(sums, all.map((c) => `${c.calls} ${c.failed}`).join(), () => all.map((c, i) => [i > 0 ? " · " : "", said(c.operation), ` ${count(c.calls)}`, c.failed ? h("span", { class: "bad" }, `, ${count(c.failed)} failed`) : "", c.throttled ? `, ${count(c.throttled)} throttled` : ""]));
    const shown = run.calls.slice(-shownCalls).reverse();
    fill(calls.body, shown, (c) => `${c.from} ${c.ms}`, () => "", (c) => tr(callsOf, c, { class: c.error ? "failed" : null }));
  }
  return { el, draw };
}

function cacheColumns() {
  return [
    { label: "Name", cell: (e) => said(e.key ? `${e.name}/${e.key}` : e.name ?? e.ref) },
    { label: "Source", cell: (e) => said(e.source ?? "") },
    { label: "Value", text: () => "masked", cell: (e) => h("span", { class: "masked", title: "masked" }, h("span", { "aria-hidden": "true" }, "••••••"), h("span", { class: "hidden" }, "masked")) },
    { label: "State", text: (e) => e.state, cell: (e) => chip(e.state === "hit" ? "ok" : e.state === "stale" ? "timeout" : "plain", e.state === "hit" ? "fresh" : e.state) },
    { label: "Age", number: true, text: (e) => e.age, cell: (e) => `${count(e.age)} s` },
    { label: "Hits", number: true, text: (e) => e.hits, cell: (e) => count(e.hits) },
    { label: "Version", wide: true, text: (e) => e.version ?? "", cell: (e) => e.version ? said(String(e.version).slice(0, 12)) : "–" },
    { label: "Size", number: true, wide: true, text: (e) => e.size, cell: (e) => bytes(e.size) },
  ];
}

function callColumns() {
  return [
    { label: "At", cell: (c) => clock(c.from) },
    { label: "Call", cell: (c) => [said(c.operation), c.names.length ? [h("br"), h("span", { class: "dim" }, said(c.names.slice(0, 3).join(", ")), c.names.length > 3 ? ` and ${plural(c.names.length - 3, "more", "more")}` : "")] : ""], text: (c) => `${c.operation} ${c.names.join(", ")}` },
    { label: "Took", number: true, text: (c) => c.ms.toFixed(3), cell: (c) => duration(c.ms) },
    { label: "Answer", text: (c) => c.error || c.status, cell: (c) => c.error ? chip("error", c.error) : chip("ok", String(c.status)) },
    { label: "Fault", text: (c) => c.fault ?? "", cell: (c) => c.fault ? chip("timeout", c.fault) : "" },
  ];
}
