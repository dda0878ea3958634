// Numbers, times and texts as people read them. Pure functions.

// duration writes milliseconds with three digits that matter.
export function duration(ms) {
  if (ms == null || !Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size >= 60000) return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
  if (size >= 1000) return `${digits(ms / 1000)} s`;
  if (size === 0) return "0 ms";
  if (size < 0.1) return `${Math.round(ms * 1000)} µs`;
  return `${digits(ms)} ms`;
}

function digits(n) {
  const size = Math.abs(n);
  return n.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function bytes(n) {
  if (n == null) return "–";
  if (n < 1000) return `${Math.round(n)} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    n /= 1000;
    if (n < 999.5 || unit === "GB") return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
  }
}

export function count(n) {
  return Math.round(n).toLocaleString("en-US");
}

// number keeps what matters of a metric's value.
export function number(n) {
  if (n == null || !Number.isFinite(n)) return "–";
  if (Number.isInteger(n)) return Math.abs(n) < 1e15 ? n.toLocaleString("en-US") : n.toExponential(2);
  const size = Math.abs(n);
  if (size < 0.001) return n.toExponential(2);
  return String(Number(n.toFixed(size >= 100 ? 1 : 3)));
}

export function money(dollars) {
  if (dollars === 0) return "$0.00";
  return dollars < 0.005 ? "< $0.01" : `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

// instant reads RFC 3339 to the microsecond, as milliseconds since 1970.
export function instant(text) {
  const m = /^(.*T\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text ?? "");
  if (!m) return NaN;
  return Date.parse(m[1] + m[3]) + (m[2] ? Number((Number(m[2]) * 1000).toFixed(3)) : 0);
}

// clock is the time of day to the millisecond, in the reader's zone.
export function clock(at) {
  const d = new Date(at);
  const two = (n) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// marked cuts a text at the characters that a reader would not see or that turn
// what follows around; these come as { mark: "U+202E" }.
export function marked(text) {
  const parts = [];
  let from = 0;
  for (const m of text.matchAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g)) {
    if (m.index > from) parts.push({ text: text.slice(from, m.index) });
    parts.push({ mark: `U+${m[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` });
    from = m.index + 1;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

// tsv is a table as spreadsheets take it.
export function tsv(rows) {
  return rows.map((row) => row.map((cell) => String(cell ?? "").replace(/[\t\r\n]+/g, " ")).join("\t")).join("\n") + "\n";
}
