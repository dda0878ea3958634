// The page: entries come in, sections are drawn when something has changed.
import { count, duration, plural } from "./format.js";
import { percentile } from "./scale.js";
import { apply, newRun } from "./run.js";
import { h, renew } from "./dom.js";
import { newTimeline } from "./timeline.js";
import { newInvocation } from "./invocation.js";
import { newMetrics } from "./metrics.js";
import { newParameters } from "./parameters.js";
import { newControls } from "./controls.js";
import { newExtensions } from "./extensions.js";

const slowest = 100; // ms between two drawings while entries come

const app = {
  run: newRun(), selected: null, live: false, file: false, connected: false, samples: [], switches: [], lastEvent: null,
  invocation() {
    return app.selected == null ? app.run.invocations.at(-1) : app.run.invocations.find((i) => i.number === app.selected) ?? app.run.invocations.at(-1);
  },
  select(number) {
    app.selected = app.selected === number && number !== app.run.invocations.at(-1)?.number ? null : number;
    draw();
    document.getElementById("invocation").scrollIntoView({ block: "nearest" });
  },
  changed() { draw(); },
};

const sections = { timeline: newTimeline(app), invocation: newInvocation(app), metrics: newMetrics(app), parameters: newParameters(app), controls: newControls(app), extensions: newExtensions(app) };
const main = document.querySelector("main");
main.replaceChildren(...Object.values(sections).map((s) => s.el));
document.getElementById("again").addEventListener("click", () => sections.controls.again());

let drawn = 0;
let planned = false;

// plan draws soon, but not for every entry.
function plan() {
  if (planned) return;
  planned = true;
  setTimeout(() => requestAnimationFrame(draw), Math.max(0, slowest - (performance.now() - drawn)));
}

function draw() {
  planned = false;
  const now = app.run.ending?.at ?? performance.timeOrigin + performance.now();
  head();
  for (const s of Object.values(sections)) s.draw(now);
  drawn = performance.now();
  if (app.run.invocations.at(-1)?.to === null && !app.run.ended && !app.file) plan(); // bars that grow
}

function head() {
  const { run } = app;
  const c = run.config;
  renew(document.getElementById("function"), JSON.stringify(c), () => c ? [h("strong", {}, c.function), h("span", { class: "dim" }, ` ${c.runtime} · ${c.memoryMB} MB · ${duration(c.timeoutNs / 1e6)} · ${c.initType}${c.concurrency > 1 ? ` · ${c.concurrency} at once` : ""}`)] : h("span", { class: "dim" }, "waiting for the run"));
  const d = run.totals.durations;
  renew(document.getElementById("totals"), `${run.totals.done} ${run.totals.errors} ${run.warnings.length}`, () => [
    total("Invocations", count(run.totals.done)), total("Failures", count(run.totals.errors), run.totals.errors > 0 ? "bad" : null), total("Cold starts", count(run.totals.cold)),
    total("Median", d.length ? duration(percentile(d, 0.5)) : "–"), total("p99", d.length ? duration(percentile(d, 0.99)) : "–"),
  ]);
  const state = app.file ? "a finished run, from a file" : run.ended ? "the run has ended" : !app.connected ? "not connected" : run.ending ? "shut down" : run.frozen != null ? "frozen" : run.invocations.at(-1)?.to === null ? "running" : "idle";
  renew(document.getElementById("state"), state, () => [h("span", { class: `dot ${state.replaceAll(/[ ,]+/g, "-")}`, "aria-hidden": "true" }), state]);
  renew(document.getElementById("notices"), run.warnings.join(), () => run.warnings.map((w) => h("p", { class: "warning" }, w)));
  document.getElementById("again").hidden = !app.live || run.ended;
  document.title = `${c?.function ?? "lambdaemu"}: ${plural(run.totals.done, "invocation")}${run.totals.errors ? `, ${count(run.totals.errors)} failed` : ""}`;
}

function total(label, value, kind) {
  return h("div", { class: kind }, h("dt", {}, label), h("dd", {}, value));
}

function beginRun(forgotten) {
  app.run = newRun();
  app.run.forgotten = forgotten;
}

function listen() {
  const source = new EventSource("/page/stream");
  source.addEventListener("open", () => { app.connected = true; plan(); });
  source.addEventListener("error", () => { app.connected = false; plan(); });
  source.addEventListener("fresh", (e) => { beginRun(JSON.parse(e.data).forgotten); plan(); });
  source.addEventListener("message", (e) => {
    for (const entry of JSON.parse(e.data)) apply(app.run, entry);
    plan();
  });
  source.addEventListener("ended", () => {
    source.close();
    app.run.ended = true;
    plan();
  });
}

async function offers() {
  const [controls, samples] = await Promise.all(["controls", "events.json"].map(async (name) => (await fetch(`/page/${name}`)).json()));
  Object.assign(app, { live: controls.live, switches: controls.switches, samples });
  sections.controls.offer();
  plan();
}

const file = document.getElementById("run");
if (file) {
  const { forgotten, entries } = JSON.parse(file.textContent);
  beginRun(forgotten);
  for (const entry of entries) apply(app.run, entry);
  Object.assign(app, { file: true });
  app.run.ended = true;
  draw();
} else {
  draw();
  listen();
  offers();
}
