// From values to places. Pure functions.

// linear maps [from, to] to [low, high].
export function linear(from, to, low, high) {
  const span = to - from;
  return (v) => (span === 0 ? low : low + ((v - from) / span) * (high - low));
}

// ticks are round values within [from, to], about n of them.
export function ticks(from, to, n) {
  const span = to - from;
  if (!(span > 0) || n < 1) return [from];
  const rough = span / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
  const list = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) list.push(Number((i * step).toPrecision(12)));
  return list;
}

// points is the polyline of values by second; a second without a value breaks it.
export function points(values, x, y) {
  return values.map(([at, v]) => [round(x(at)), round(y(v))]);
}

export function path(list) {
  return list.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");
}

export function round(n) {
  return Math.round(n * 100) / 100;
}

// percentile is the value below which a share of the values lies, by nearest rank.
export function percentile(values, share) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}
