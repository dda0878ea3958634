// Metrics in log lines, as CloudWatch extracts them, and what they cost. Pure
// functions. (Embedded metric format specification, CloudWatch user guide)
import { percentile } from "./scale.js";

// samples are the metrics of one line: [{ key, namespace, name, unit, dimensions,
// at, values }], [] for a line that is no such document.
export function samples(doc) {
  const meta = doc?._aws;
  if (!meta || !Array.isArray(meta.CloudWatchMetrics)) return [];
  const list = [];
  if (!Number.isFinite(Number(meta.Timestamp ?? NaN))) return list;
  for (const directive of meta.CloudWatchMetrics) {
    const sets = Array.isArray(directive?.Dimensions) && directive.Dimensions.length > 0 ? directive.Dimensions : [[]];
    for (const metric of directive?.Metrics ?? []) {
      const values = numbers(doc[metric?.Name]);
      if (values.length === 0) continue;
      for (const set of sets) {
        if (!Array.isArray(set) || set.some((name) => doc[name] == null)) continue; // a dimension without a value
        const dimensions = set.map((name) => [name, String(doc[name])]);
        const text = dimensions.map(([k, v]) => `${k}=${v}`).sort().join(" ");
        list.push({ key: [directive.Namespace, metric.Name, text].join("\u0000"), namespace: String(directive.Namespace ?? ""), name: String(metric.Name), unit: metric.Unit === "None" ? "" : (metric.Unit ?? ""), dimensions, at: Number(meta.Timestamp), values });
      }
    }
  }
  return list;
}

// numbers reads a value, several values, or values with their counts.
function numbers(value) {
  if (typeof value === "number") return [value];
  if (Array.isArray(value)) return value.filter((v) => typeof v === "number");
  if (Array.isArray(value?.Values)) {
    return value.Values.flatMap((v, i) => Array(Math.min(1000, Math.max(1, Math.round(value.Counts?.[i] ?? 1)))).fill(v)).filter((v) => typeof v === "number");
  }
  return [];
}

const keptSeconds = 900;
const keptValues = 2000; // of one second, for its percentiles

// addSample puts a sample into its series, which is made when it is the first.
export function addSample(series, s, source) {
  let one = series.get(s.key);
  if (!one) {
    one = { key: s.key, namespace: s.namespace, name: s.name, unit: s.unit, dimensions: s.dimensions, seconds: new Map(), sources: new Set(), count: 0, last: NaN };
    series.set(s.key, one);
  }
  one.sources.add(source);
  one.count += s.values.length;
  one.last = s.values.at(-1);
  const second = Math.floor(s.at / 1000);
  let bucket = one.seconds.get(second);
  if (!bucket) {
    bucket = { n: 0, sum: 0, min: Infinity, max: -Infinity, values: [] };
    one.seconds.set(second, bucket);
    if (one.seconds.size > keptSeconds) one.seconds.delete(Math.min(...one.seconds.keys()));
  }
  for (const v of s.values) {
    bucket.n++;
    bucket.sum += v;
    bucket.min = Math.min(bucket.min, v);
    bucket.max = Math.max(bucket.max, v);
    if (bucket.values.length < keptValues) bucket.values.push(v);
  }
}

// statistic is [[second, value], …] in order of time.
export function statistic(one, name) {
  if (name === "usual") name = usual(one);
  const of = { sum: (b) => b.sum, average: (b) => b.sum / b.n, p99: (b) => percentile(b.values, 0.99) }[name];
  return [...one.seconds].sort((a, b) => a[0] - b[0]).map(([second, bucket]) => [second, of(bucket)]);
}

// usual is the statistic that says something about a unit: how many, or how much.
export function usual(one) {
  return one.unit === "Count" || one.unit === "" ? "sum" : "average";
}

// doubled are the series that more than one source prints: CloudWatch adds them up.
export function doubled(series) {
  return [...series.values()].filter((one) => one.sources.size > 1);
}

// List prices of us-east-1 without the free tier, in dollars. (Amazon CloudWatch
// pricing: the first 10,000 metrics, the first 10 TB of logs)
export const prices = { metricMonth: 0.3, logGiB: 0.5 };

// overhead is what CloudWatch Logs adds to each line. (PutLogEvents, CloudWatch Logs API reference)
export const overhead = 26;

// bill is what each source would cost a month at so many invocations, if all of
// them were as those that were seen.
export function bill(stored, series, seen, perMonth) {
  const rows = new Map();
  const row = (source) => {
    if (!rows.has(source)) rows.set(source, { source, lines: 0, bytes: 0, metrics: 0, logs: 0, price: 0 });
    return rows.get(source);
  };
  for (const [source, { lines, bytes }] of stored) Object.assign(row(source), { lines: lines / seen, bytes: bytes / seen });
  for (const one of series.values()) row([...one.sources][0]).metrics++;
  for (const r of rows.values()) {
    r.logs = ((r.bytes * perMonth) / 2 ** 30) * prices.logGiB;
    r.price = r.metrics * prices.metricMonth;
  }
  return [...rows.values()];
}
