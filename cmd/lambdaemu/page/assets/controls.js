// The fifth section: what the page may do to the run, and how the run ended.
import { clock, count, duration, plural } from "./format.js";
import { chip, empty, fill, h, renew, said, tr } from "./dom.js";

export function newControls(app) {
  const samples = h("select", { id: "sample", change: () => { const s = app.samples[Number(samples.value)]; if (s) editor.value = JSON.stringify(s.event, null, 2); check(); } });
  const editor = h("textarea", { id: "event", rows: "9", spellcheck: "false", "aria-describedby": "event-problem", input: () => check() });
  editor.value = "{}";
  const problem = h("p", { id: "event-problem", class: "bad", role: "status" });
  const times = h("input", { id: "times", type: "number", min: "1", max: "1000", value: "1" });
  const send = h("button", { class: "primary", click: () => invoke(Number(times.value) || 1) }, "Invoke");
  const said0 = h("p", { class: "note", role: "status" });
  const buttons = h("div", { class: "buttons" });
  const otherName = h("select", { id: "fault" });
  const otherArg = h("input", { id: "fault-arg", type: "text", size: "8", placeholder: "argument" });
  const otherNote = h("p", { class: "note" });
  const inForce = h("ul", { class: "plainlist" });
  const sure = h("span", { hidden: true }, "This ends lambdaemu. ", h("button", { class: "danger", click: () => post("shutdown", undefined, "shutdown asked for") }, "Shut down now"), " ", h("button", { click: () => { sure.hidden = true; down.hidden = false; down.focus(); } }, "Cancel"));
  const down = h("button", { click: () => { sure.hidden = false; down.hidden = true; sure.querySelector("button").focus(); } }, "Shut down …");
  const ledger = h("div", { class: "block", id: "ledger" });
  otherName.addEventListener("change", () => { const s = app.switches[Number(otherName.value)]; otherArg.disabled = !s?.arg; otherNote.textContent = s ? s.meaning + (s.arg ? `. Argument: ${s.arg}` : "") : ""; });
  const live = h("div", { class: "columns three" },
    h("div", { class: "block" }, h("h3", {}, "Invoke"),
      h("p", {}, h("label", { for: "sample" }, "Sample event "), samples),
      h("p", {}, h("label", { for: "event" }, "Event"), editor), problem,
      h("p", { class: "row-of" }, send, times, h("label", { for: "times" }, "times at once")), said0),
    h("div", { class: "block" }, h("h3", {}, "Faults"), buttons,
      h("p", { class: "row-of" }, h("label", { for: "fault" }, "Another one "), otherName, h("label", { class: "hidden", for: "fault-arg" }, "Argument of the fault"), otherArg, h("button", { click: () => { const s = app.switches[Number(otherName.value)]; if (s) change(s, true, otherArg.value.trim()); } }, "On")), otherNote, inForce),
    h("div", { class: "block" }, h("h3", {}, "Environment"),
      h("p", {}, h("button", { click: () => post("restart", undefined, "a new environment is ready") }, "Re-init"), h("span", { class: "note" }, " shuts the environment down and starts a new one.")),
      h("p", {}, down, sure)));
  const none = h("div");
  const el = h("section", { id: "controls", "aria-labelledby": "controls-title" }, h("header", {}, h("h2", { id: "controls-title" }, "Controls")), none, live, ledger);

  function check() {
    try {
      JSON.parse(editor.value);
      problem.textContent = "";
    } catch (e) {
      problem.textContent = `This is not JSON: ${e.message}`;
    }
    send.disabled = problem.textContent !== "";
  }

  function invoke(n) {
    app.lastEvent = JSON.parse(editor.value);
    app.selected = null; // who invokes wants to see what comes of it
    return post("invoke", { event: app.lastEvent, count: n }, n === 1 ? "invocation asked for" : `${plural(n, "invocation")} asked for`);
  }

  // again repeats the last event.
  function again() {
    app.selected = null;
    return post("invoke", { event: app.lastEvent ?? app.run.invocations.at(-1)?.event ?? {}, count: 1 }, "invocation asked for");
  }

  function change(s, on, arg) {
    return post("fault", { of: s.of, name: s.name, arg: arg || undefined, on }, `${s.title ?? s.name} is ${on ? "on" : "off"}`);
  }

  async function post(what, body, done) {
    try {
      const resp = await fetch(`/page/${what}`, { method: "POST", headers: { "X-Lambdaemu-Page": "1", "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
      said0.textContent = resp.ok ? `${clock(Date.now())} ${done}` : `Refused: ${(await resp.json()).message}`;
    } catch {
      said0.textContent = "lambdaemu does not answer any more.";
    }
  }

  function offer() {
    const groups = Map.groupBy ? Map.groupBy(app.samples.map((s, i) => ({ ...s, i })), (s) => s.source) : new Map([["Events", app.samples.map((s, i) => ({ ...s, i }))]]);
    samples.replaceChildren(h("option", { value: "" }, "{} · an empty object"), ...[...groups].map(([source, list]) => h("optgroup", { label: source }, list.map((s) => h("option", { value: s.i }, s.name)))));
    const others = app.switches.map((s, i) => ({ ...s, i })).filter((s) => !s.title);
    otherName.replaceChildren(h("option", { value: "" }, "choose a fault"), ...["aws", "platform"].map((of) => h("optgroup", { label: of === "aws" ? "Embedded AWS" : "Platform" }, others.filter((s) => s.of === of).map((s) => h("option", { value: s.i }, s.name)))));
  }

  function draw() {
    const { run } = app;
    const can = app.live && !run.ended;
    live.hidden = !can;
    renew(none, can, () => can ? [] : empty("This run can only be watched.", app.file ? "It was written with --page-file." : "lambdaemu has ended."));
    const titled = app.switches.filter((s) => s.title);
    const on = (s) => run.faults.has(`${s.of} ${s.name}`);
    fill(buttons, titled, (s) => s.name, (s) => on(s), (s) => h("button", { class: "switch", "data-focus": s.name, "data-fault": s.name, "aria-pressed": String(on(s)), title: s.meaning, click: () => change(s, !on(s), "") }, h("span", { class: "lamp", "aria-hidden": "true" }), s.title));
    const others = [...run.faults.values()].filter((f) => !titled.some((s) => s.of === f.of && s.name === f.name));
    fill(inForce, others, (f) => `${f.of} ${f.name}`, (f) => f.arg ?? "", (f) => h("li", {}, chip("timeout", f.arg ? `${f.name}:${f.arg}` : f.name), " ", h("button", { class: "quiet", click: () => change(f, false, "") }, "Off")));
    ledger.hidden = !run.ending;
    renew(ledger, `${run.ending?.at} ${run.endLines.length}`, () => run.ending ? ending(run) : []);
  }
  return { el, draw, again, offer };
}

// ending is the ledger: how the environment ended, and what the extensions said.
function ending(run) {
  const e = run.ending;
  const columns = [
    { label: "Extension", cell: (x) => said(x.name) },
    { label: "End", cell: (x) => x.killed ? chip("error", "killed") : x.unsubscribed ? "killed without notice: not registered for SHUTDOWN" : chip(x.code === 0 ? "ok" : "error", `exit ${x.code}`) },
    { label: "After", number: true, cell: (x) => duration(x.afterNs / 1e6) },
  ];
  return [
    h("h3", {}, "Ledger"),
    h("p", {}, `The environment ended at ${clock(e.at)} (${e.reason}) in ${duration(e.tookNs / 1e6)}. ${plural(run.totals.done, "invocation")}, ${plural(run.totals.errors, "failure")}. Telemetry: ${count(e.delivered)} of ${plural(e.events, "event")} delivered${e.lost ? `, ${count(e.lost)} lost` : ""}.`),
    e.extensions?.length ? h("table", {}, h("caption", { class: "hidden" }, "Ends of the extensions"), h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null }, c.label)))), h("tbody", {}, e.extensions.map((x) => tr(columns, x)))) : null,
    run.endLines.map((l) => h("details", { open: run.endLines.length === 1 }, h("summary", {}, said(l.who), " at the end: ", said(String(l.rec?.message ?? l.text).slice(0, 120))), ledgerOf(l))),
  ];
}

// ledgerOf shows an extension's last words: what it counted, by part.
function ledgerOf(l) {
  if (!l.rec) return said(l.text, { class: "mono" });
  return h("dl", { class: "facts" }, Object.entries(l.rec).filter(([k]) => !["level", "message", "timestamp"].includes(k)).map(([k, v]) => h("div", {}, h("dt", {}, said(k)), h("dd", {}, v && typeof v === "object" ? Object.entries(v).map(([name, n], i) => [i > 0 ? ", " : "", said(name), " ", said(typeof n === "object" ? JSON.stringify(n) : String(n))]) : said(String(v))))));
}
