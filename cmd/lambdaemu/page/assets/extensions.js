// The sixth section: who runs beside the function.
import { bytes, count, duration, plural } from "./format.js";
import { linear, path, round } from "./scale.js";
import { chip, empty, fill, h, renew, said, table, tr } from "./dom.js";

export function newExtensions(app) {
  const columns = extensionColumns();
  const t = table("Extensions", columns, () => [...app.run.extensions.values()]);
  const none = h("div");
  const el = h("section", { id: "extensions", "aria-labelledby": "extensions-title" }, h("header", {}, h("h2", { id: "extensions-title" }, "Extensions"), h("div", { class: "tools" }, t.copy)), none, t.el);
  function draw() {
    const list = [...app.run.extensions.values()];
    renew(none, list.length === 0, () => list.length > 0 ? [] : empty("No extension.", "Add one with --extension PATH."));
    t.el.hidden = list.length === 0;
    fill(t.body, list, (x) => x.name, (x) => [x.registered, x.subscriptions.size, x.usage.at(-1)?.at, x.bytes, x.refused, x.state, x.exit].join(" "), (x) => tr(columns, x));
  }
  return { el, draw };
}

function extensionColumns() {
  const use = (x) => x.usage.at(-1);
  const subscribed = (x) => [...x.subscriptions.values()].map((s) => `${s.api} ${s.schema}: ${(s.types ?? []).join(", ")}${s.status === 200 ? "" : ` → ${s.status}`}`).join("; ");
  return [
    { label: "Name", cell: (x) => [said(x.name), x.internal ? h("span", { class: "dim" }, " internal") : ""], text: (x) => x.name },
    { label: "State", text: stateText, cell: (x) => chip(x.exit && x.exit !== "0" ? "error" : x.registered === 200 ? (x.state ? "plain" : "ok") : x.registered ? "error" : "plain", stateText(x)) },
    { label: "Events", cell: (x) => x.events.length ? x.events.join(", ") : "–", text: (x) => x.events.join(", ") },
    { label: "Subscribed to", cell: (x) => subscribed(x) || h("span", { class: "dim" }, "nothing"), text: subscribed },
    { label: "CPU", number: true, text: (x) => use(x)?.cpu.toFixed(1) ?? "", cell: (x) => use(x) ? duration(use(x).cpu) : "–" },
    { label: "Memory", number: true, text: (x) => use(x)?.rss ?? "", cell: (x) => use(x) ? [bytes(use(x).rss), curve(x)] : "–" },
    { label: "Peak", number: true, wide: true, text: (x) => use(x)?.peak ?? "", cell: (x) => use(x) ? bytes(use(x).peak) : "–" },
    { label: "Telemetry received", number: true, text: (x) => x.bytes, cell: (x) => [bytes(x.bytes), h("br"), h("span", { class: "dim" }, plural(x.received, "event"), x.refused ? `, ${count(x.refused)} refused` : "")] },
  ];
}

function stateText(x) {
  if (x.exit != null) return x.exit === "0" ? "exited" : `exited: ${x.exit}`;
  if (x.state) return x.state;
  return x.registered === 200 ? "registered" : x.registered ? `refused ${x.registered}` : "starting";
}

// curve is the memory over the last invocations.
function curve(x) {
  if (x.usage.length < 3) return null;
  const most = Math.max(...x.usage.map((u) => u.rss));
  const px = linear(0, x.usage.length - 1, 1, 59);
  const py = linear(0, most, 15, 1);
  return h("svg", { class: "spark", viewBox: "0 0 60 16", "aria-hidden": "true" }, h("path", { class: "curve", d: path(x.usage.map((u, i) => [round(px(i)), round(py(u.rss))])) }));
}
