// The run as the page knows it: entries of the transcript in, a state out. It
// touches no document, so that tests can drive it.
import { instant } from "./format.js";
import { addSample, overhead, samples } from "./emf.js";
import { busy } from "./lanes.js";
import { copies, record, requestID } from "./pair.js";

// What is kept; the server keeps as much for pages that come later.
const keptInvocations = 1000;
const keptText = 16 * 2 ** 20;
const keptCalls = 1000;
const keptFreezes = 2000;
const keptUsage = 240;
const keptLoose = 1000;

export function newRun() {
  return {
    config: null, forgotten: 0, begun: 0, entries: 0,
    inits: [], invocations: [], byID: new Map(), freezes: [], frozen: null,
    extensions: new Map(), cache: null, calls: [], callCounts: new Map(), faults: new Map(),
    series: new Map(), stored: new Map(), text: 0, loose: [], warnings: [], resets: 0, stopping: false, ending: null, endLines: [], ended: false,
    totals: { done: 0, errors: 0, cold: 0, durations: [] },
  };
}

// apply takes one entry. Entries come in the order in which things happened.
export function apply(run, e) {
  run.entries++;
  if (!run.begun) run.begun = e.at;
  const to = handlers[e.what];
  if (to) to(run, e);
  else if (e.who !== "platform" && e.who !== "runtime") extensionEntry(run, e);
}

const handlers = {
  run: (run, e) => { run.config = e.data; },
  warning: (run, e) => { run.warnings.push(e.detail); },
  init: (run, e) => {
    Object.assign(run, { ending: null, stopping: false, endLines: [] });
    for (const ext of run.extensions.values()) ext.exit = null;
    run.inits.push({ from: e.at, to: null, phase: (e.detail ?? "").split(" ")[0], extensions: [], runtime: null, runtimeReady: null, used: false });
    if (run.inits.length > 100) run.inits.shift();
  },
  "init end": (run, e) => {
    const init = run.inits.at(-1);
    if (!init || init.to) return;
    Object.assign(init, { to: e.at, status: e.data?.status ?? "success", errorType: e.data?.errorType });
    if (init.phase === "invoke") {
      const inv = open(run);
      if (inv) {
        init.used = true;
        inv.inits.push(init);
      }
    }
  },
  exec: (run, e) => {
    const init = run.inits.at(-1);
    if (init && !init.to) e.who === "runtime" ? (init.runtime = e.at) : init.extensions.push({ name: e.who, exec: e.at, registered: null, ready: null });
    if (e.who !== "runtime") extension(run, e.who).exit = null;
  },
  register: (run, e) => {
    const ext = extension(run, e.who);
    Object.assign(ext, { events: e.data?.events ?? [], registered: e.data?.status, internal: e.data?.internal ?? false });
    const started = run.inits.at(-1)?.extensions.find((x) => x.name === e.who);
    if (started) started.registered = e.at;
  },
  subscribe: (run, e) => { extension(run, e.who).subscriptions.set(e.data?.api ?? "Telemetry", e.data); },
  "telemetry POST": (run, e) => {
    const ext = extension(run, e.who);
    const ok = e.data.status >= 200 && e.data.status < 300;
    if (ok) ext.bytes += e.data.bytes;
    if (ok) ext.received += e.data.events;
    else ext.refused++;
  },
  usage: (run, e) => {
    const ext = extension(run, e.who);
    const last = ext.usage.at(-1);
    ext.usage.push({ at: e.at, cpu: e.data.cpuNs / 1e6, rss: e.data.rssKB * 1024, peak: e.data.peakKB * 1024, spent: last && e.data.cpuNs / 1e6 >= last.cpu ? e.data.cpuNs / 1e6 - last.cpu : e.data.cpuNs / 1e6 });
    if (ext.usage.length > keptUsage) ext.usage.shift();
  },
  cache: (run, e) => { run.cache = { at: e.at, entries: Array.isArray(e.data?.entries) ? e.data.entries : [] }; },
  thaw: (run, e) => {
    if (run.frozen == null) return;
    run.freezes.push([run.frozen, e.at]);
    run.frozen = null;
    if (run.freezes.length > keptFreezes) run.freezes.shift();
  },
  freeze: (run, e) => { run.frozen = e.at; },
  invoke: begin,
  invocation: (run, e) => { const inv = run.byID.get(e.detail); if (inv) inv.handed = e.at; },
  response: answered,
  error: answered,
  next: (run, e) => {
    const init = run.inits.at(-1);
    if (e.who === "runtime") {
      if (init && !init.to && !init.runtimeReady) init.runtimeReady = e.at;
      const inv = open(run);
      if (inv?.answered && !inv.next && !managed(run)) inv.next = e.at;
      return;
    }
    const started = init && !init.to && init.extensions.find((x) => x.name === e.who);
    if (started && !started.ready) started.ready = e.at;
    const inv = open(run) ?? run.invocations.at(-1);
    const seen = inv?.extensions.get(e.who);
    if (seen && !seen.next) seen.next = e.at;
  },
  INVOKE: (run, e) => { run.byID.get(e.detail)?.extensions.set(e.who, { invoked: e.at, next: null }); },
  "invoke end": (run, e) => {
    const inv = managed(run) ? run.byID.get((e.detail ?? "").split(" ").at(-1)) : open(run);
    if (inv) inv.to = e.at;
  },
  outcome: finish,
  reset: (run, e) => {
    run.resets++;
    run.frozen = null;
    const inv = run.invocations.at(-1);
    if (inv) inv.reset = e.detail;
  },
  "aws call": call,
  fault: (run, e) => {
    const key = `${e.data.of} ${e.data.name}`;
    if (e.data.of === "aws") for (const k of run.faults.keys()) if (k.startsWith("aws ")) run.faults.delete(k);
    e.data.on ? run.faults.set(key, { ...e.data, since: e.at }) : run.faults.delete(key);
  },
  line,
  shutdown: (run) => { run.stopping = true; },
  SHUTDOWN: (run, e) => { extension(run, e.who).state = "shutting down"; },
  exit: (run, e) => { if (e.who !== "runtime") Object.assign(extension(run, e.who), { exit: e.detail, state: "exited" }); },
  "shutdown end": (run, e) => { run.ending = { at: e.at, ...e.data }; run.frozen = null; },
};

function extensionEntry(run, e) {
  if (e.what === "launch error") Object.assign(extension(run, e.who), { state: "did not start", exit: e.detail });
}

function managed(run) {
  return run.config?.initType === "lambda-managed-instances";
}

function open(run) {
  const inv = run.invocations.at(-1);
  return inv && inv.to == null ? inv : null;
}

function extension(run, name) {
  let ext = run.extensions.get(name);
  if (!ext) {
    ext = { name, events: [], registered: null, internal: false, subscriptions: new Map(), bytes: 0, received: 0, refused: 0, usage: [], exit: null, state: "" };
    run.extensions.set(name, ext);
  }
  if (ext.exit == null && ext.state === "exited") ext.state = "";
  return ext;
}

function begin(run, e) {
  const inv = {
    id: e.data.requestId, number: e.data.number, from: instant(e.data.began) || e.at, to: null, deadline: instant(e.data.deadline), event: e.data.event, inits: [],
    handed: null, answered: null, next: null, extensions: new Map(), outcome: null, lines: [], lineCount: 0, calls: [], canonical: null, reset: "", try: 1,
  };
  const before = run.byID.get(inv.id);
  if (before) Object.assign(inv, { try: before.try + 1, before });
  for (const init of run.inits) {
    if (init.used || init.phase === "invoke" || !init.to) continue;
    init.used = true;
    inv.inits.push(init);
  }
  run.invocations.push(inv);
  run.byID.set(inv.id, inv);
  if (run.invocations.length > keptInvocations) drop(run);
}

function drop(run) {
  const old = run.invocations.shift();
  if (run.byID.get(old.id) === old) run.byID.delete(old.id);
  for (const inv of run.invocations) if (inv.before === old) inv.before = null;
  for (const l of old.lines) run.text -= l.text.length;
  run.forgotten++;
}

function answered(run, e) {
  const inv = run.byID.get(e.data?.requestId);
  if (!inv) return;
  inv.answered = e.at;
  inv.answer = { bytes: e.data.bytes, status: e.data.status, error: e.what === "error" ? e.data.errorType : "" };
}

function finish(run, e) {
  const inv = run.byID.get(e.data.requestId);
  run.totals.done++;
  const kind = kindOf(e.data);
  if (kind !== "ok") run.totals.errors++;
  if (e.data.cold) run.totals.cold++;
  run.totals.durations.push(e.data.durationNs / 1e6);
  if (run.totals.durations.length > 2 * keptInvocations) run.totals.durations.splice(0, keptInvocations);
  if (!inv) return;
  inv.outcome = { ...e.data, kind };
  inv.to ??= e.at;
}

// kindOf is what a row is coloured and named by.
export function kindOf(o) {
  if (o.status === "timeout") return "timeout";
  if (o.failed) return "error";
  return o.status && o.status !== "success" ? "crash" : "ok";
}

function call(run, e) {
  const c = { ...e.data, from: instant(e.data.began), ms: e.data.tookNs / 1e6, names: e.data.names ?? [] };
  run.calls.push(c);
  if (run.calls.length > keptCalls) run.calls.shift();
  const sum = run.callCounts.get(c.operation) ?? { operation: c.operation, calls: 0, failed: 0, throttled: 0 };
  sum.calls++;
  if (c.error) sum.failed++;
  if (/Throttl|TooManyRequests|ThroughputExceeded/.test(c.error ?? "")) sum.throttled++;
  run.callCounts.set(c.operation, sum);
  const inv = run.invocations.findLast((i) => i.from <= c.from + c.ms && (i.to == null || i.to >= c.from));
  if (inv && inv.calls.length < 200) inv.calls.push(c);
}

function line(run, e) {
  const d = e.data;
  const rec = record(d.text);
  const l = { who: e.who, origin: d.origin, printed: instant(d.printed), taken: instant(d.taken), framed: d.framed ?? false, text: d.text, rec, emf: false };
  store(run, l);
  const metrics = d.origin !== "platform" && rec ? samples(rec) : [];
  l.emf = metrics.length > 0;
  for (const s of metrics) addSample(run.series, s, sourceOf(l));
  if (run.stopping && d.origin === "extension" && !l.emf && !requestID(rec)) { // of the end, and of no invocation
    run.endLines = [...run.endLines.slice(-50), l];
    return;
  }
  const inv = owner(run, l);
  if (!inv) {
    run.loose.push(l);
    if (run.loose.length > keptLoose) run.loose.shift();
    return;
  }
  if (l.emf && rec && "cold_start" in rec && "function_arn" in rec && requestID(rec)) inv.canonical = { rec, metrics };
  keep(run, inv, l);
}

function keep(run, inv, l) {
  inv.lineCount++;
  inv.lines.push(l);
  run.text += l.text.length;
  for (let i = 0; run.text > keptText && i < run.invocations.length - 1; i++) {
    for (const old of run.invocations[i].lines) run.text -= old.text.length;
    run.invocations[i].lines = [];
  }
}

export function sourceOf(l) {
  return l.origin === "extension" ? l.who : l.origin;
}

function store(run, l) {
  const source = sourceOf(l);
  const sum = run.stored.get(source) ?? { lines: 0, bytes: 0 };
  sum.lines++;
  sum.bytes += utf8Length(l.text) + overhead;
  run.stored.set(source, sum);
}

function utf8Length(text) {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x7ff && (c < 0xd800 || c > 0xdfff)) n += 2;
    else if (c > 0x7f) n += 1;
  }
  return n;
}

// owner is the invocation a line belongs to: the one it names, else the one
// whose printed line it is a copy of, else the one under way when it was printed.
function owner(run, l) {
  if (l.origin === "platform") {
    const id = /RequestId: ([0-9a-f-]{36})/i.exec(l.text)?.[1] ?? l.rec?.record?.requestId ?? /^\S+Z ([0-9a-f-]{36}) Task timed out/.exec(l.text)?.[1];
    return id ? run.byID.get(id) : null;
  }
  const latest = run.byID.get(requestID(l.rec));
  if (latest) {
    const named = tryOf(latest, l);
    claim(run, named, l);
    return named;
  }
  if (managed(run) && l.origin === "function") {
    const under = run.invocations.filter((i) => i.from <= l.printed && (i.to == null || i.to >= l.printed));
    return under.length === 1 ? under[0] : null;
  }
  if (managed(run)) return null;
  return run.invocations.findLast((i) => i.from <= l.printed) ?? null;
}

// tryOf is the try of a request that a line is of: what an extension says about
// one may come when the next has begun. Its event says which try it was; a copy
// belongs to the first try that printed such a line and has no copy of it yet.
function tryOf(latest, l) {
  const tries = [];
  for (let inv = latest; inv; inv = inv.before) tries.unshift(inv);
  if (tries.length === 1) return latest;
  if (l.origin !== "extension") return tries.findLast((inv) => inv.from <= l.printed) ?? latest;
  if (l.emf && "function_arn" in l.rec) return tries.find((inv) => inv.try === (l.rec.attempt ?? 1)) ?? latest;
  for (const inv of tries) {
    const raw = inv.lines.find((r) => r.origin === "function" && !r.copied && copies(l, r));
    if (!raw) continue;
    raw.copied = true;
    return inv;
  }
  return latest;
}

// claim takes the printed line of an enriched one out of those nobody knew.
function claim(run, inv, l) {
  if (l.origin !== "extension" || l.emf) return;
  const i = run.loose.findIndex((raw) => raw.origin === "function" && raw.printed >= inv.from - 1 && copies(l, raw));
  if (i >= 0) keep(run, inv, ...run.loose.splice(i, 1));
}

// phases are the parts of an invocation in order of time: [{ name, label, from, to }].
// The proxy's share is known as one sum, for both ways.
export function phases(inv, now) {
  const list = [];
  const end = inv.to ?? now;
  for (const init of inv.inits) {
    const to = init.to ?? now;
    const runtime = init.runtime ?? to;
    if (init.extensions.length > 0) list.push({ name: "init-ext", label: "init: extensions", from: init.from, to: runtime, failed: init.status && init.status !== "success" && !init.runtime });
    if (init.runtime) list.push({ name: "init", label: "init: runtime", from: runtime, to, failed: init.status && init.status !== "success" });
    else if (init.extensions.length === 0) list.push({ name: "init", label: "init", from: init.from, to, failed: init.status && init.status !== "success" });
  }
  const within = inv.inits.find((i) => i.phase === "invoke");
  const begun = within?.to ?? inv.from;
  const handed = inv.handed ?? end;
  if (handed > begun) list.push({ name: "wait", label: "platform", from: begun, to: Math.min(handed, end) });
  if (inv.handed == null) return list;
  const answered = inv.answered ?? end;
  const proxy = inv.canonical?.rec.proxy ? inv.canonical.rec.ProxyDuration ?? null : null;
  if (proxy != null && proxy < answered - handed) {
    list.push({ name: "proxy", label: "proxy and hooks, both ways", from: handed, to: handed + proxy });
    list.push({ name: "handler", label: "handler", from: handed + proxy, to: answered });
  } else {
    list.push({ name: "handler", label: inv.canonical?.rec.proxy ? "handler, with the proxy" : "handler", from: handed, to: answered });
  }
  if (inv.answered == null) return list;
  const next = inv.next ?? answered;
  if (next > answered) list.push({ name: "runtime", label: "runtime, until it asks for more", from: answered, to: next });
  const after = Math.max(...[...inv.extensions.values()].map((x) => x.next ?? end), next);
  if (after > next) list.push({ name: "after", label: "extensions after", from: next, to: Math.min(after, end) });
  return list;
}

// parts are the stretches in which something ran for an invocation: what it waited
// for, and itself. Between them the sandbox was frozen or idle.
export function parts(inv, now) {
  return busy([...inv.inits.map((i) => [i.from, i.to ?? now]), [inv.from, inv.to ?? now]]);
}

// elapsed is the time of a moment within the parts.
export function elapsed(list, at) {
  return list.reduce((sum, [from, to]) => sum + Math.min(Math.max(at - from, 0), to - from), 0);
}

// decisions are what the proxy and its hooks saw and did, as the extension's event
// of the invocation says.
export function decisions(inv) {
  const rec = inv.canonical?.rec ?? {};
  return Object.entries(rec).filter(([k, v]) => /^(answered_by|hook|idempoten|batch|valid|schema|flag|feature|middleware|cors|envelope|http_status|event_source|records)/.test(k) && typeof v !== "object");
}
