// Time on a line that leaves out what nobody waits for. Pure functions.
import { linear, round } from "./scale.js";

// busy joins intervals [from, to] that touch or overlap.
export function busy(intervals) {
  const sorted = intervals.filter(([from, to]) => to >= from).sort((a, b) => a[0] - b[0]);
  const list = [];
  for (const [from, to] of sorted) {
    const last = list.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else list.push([from, to]);
  }
  return list;
}

// axis places moments on [0, width]. Stretches without any interval get a fixed
// width when they are longer than they would be on the line; they are its breaks.
export function axis(intervals, width, gapWidth) {
  const parts = busy(intervals);
  if (parts.length === 0) return { x: () => 0, breaks: [], parts: [] };
  let gaps = [];
  for (let i = 1; i < parts.length; i++) gaps.push({ from: parts[i - 1][1], to: parts[i][0], after: i - 1 });
  // A gap is broken when it is more than a twentieth of what is busy.
  const work = parts.reduce((sum, [from, to]) => sum + (to - from), 0) || 1;
  gaps = gaps.filter((g) => g.to - g.from > work / 20);
  const broken = new Set(gaps.map((g) => g.after));
  const fixed = Math.min(gapWidth, (width * 0.3) / Math.max(1, gaps.length));
  const line = parts.at(-1)[1] - parts[0][0] - gaps.reduce((sum, g) => sum + (g.to - g.from), 0) || 1;
  const perMs = (width - fixed * gaps.length) / line;
  const pieces = [];
  const breaks = [];
  let x = 0;
  let from = parts[0][0];
  for (let i = 0; i < parts.length; i++) {
    if (i < parts.length - 1 && !broken.has(i)) continue;
    const to = parts[i][1];
    pieces.push({ from, to, x, width: (to - from) * perMs });
    x += (to - from) * perMs;
    if (i < parts.length - 1) {
      const next = parts[i + 1][0];
      breaks.push({ from: to, to: next, x: round(x), width: fixed, ms: next - to });
      pieces.push({ from: to, to: next, x, width: fixed });
      x += fixed;
      from = next;
    }
  }
  return { x: (at) => place(pieces, at), breaks, parts: pieces.filter((p, i) => i % 2 === 0) };
}

function place(pieces, at) {
  const piece = pieces.find((p) => at <= p.to) ?? pieces.at(-1);
  const within = Math.min(Math.max(at, piece.from), piece.to);
  return round(linear(piece.from, piece.to, piece.x, piece.x + piece.width)(within));
}

// lanes gives every interval the lowest row in which it overlaps no other.
export function lanes(intervals) {
  const ends = [];
  return intervals.map(([from, to]) => {
    let lane = ends.findIndex((end) => end <= from);
    if (lane < 0) lane = ends.length;
    ends[lane] = to;
    return lane;
  });
}
