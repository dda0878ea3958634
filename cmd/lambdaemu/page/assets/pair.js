// Which stored line is the enriched copy of which printed one. Pure functions.

const idKeys = ["function_request_id", "requestId", "request_id", "aws_request_id", "awsRequestId", "AWSRequestId"];

// record is a line that is a JSON object, else null.
export function record(text) {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{") || !trimmed.endsWith("}")) return null;
  try {
    return JSON.parse(trimmed);
  } catch {
    return null;
  }
}

// requestID is the invocation that a record says it belongs to.
export function requestID(rec) {
  const key = rec && idKeys.find((k) => typeof rec[k] === "string");
  return key ? rec[key] : "";
}

export function message(rec) {
  return rec?.message ?? rec?.msg ?? rec?.event ?? rec?.errorMessage;
}

// copies reports whether an enriched line is a copy of a printed one: an object
// has all its members again, a text became the message, perhaps without what its
// runtime put in front.
export function copies(enriched, raw) {
  if (!enriched.rec) return false;
  if (raw.rec) {
    const keys = Object.keys(raw.rec);
    return keys.length > 0 && keys.every((k) => k in enriched.rec && JSON.stringify(enriched.rec[k]) === JSON.stringify(raw.rec[k]));
  }
  const said = message(enriched.rec);
  if (typeof said !== "string" || said === "") return false;
  const text = raw.text.trim();
  return text === said.trim() || text.endsWith(said.trim());
}

// additions are the members that the copy has beyond the printed line.
export function additions(enriched, raw) {
  const said = raw.rec ? undefined : message(enriched.rec);
  return Object.entries(enriched.rec).filter(([k, v]) => !(raw.rec && k in raw.rec) && !(said !== undefined && v === said)).map(([k]) => k);
}

// pairs joins the lines of one invocation: a printed line with its copy where
// there is one; what has no partner stands alone. In the order of printing.
export function pairs(lines) {
  const rows = [];
  const waiting = [];
  for (const line of lines) {
    if (line.origin === "extension") {
      const i = line.emf ? -1 : waiting.findIndex((row) => copies(line, row.raw));
      if (i >= 0) {
        waiting[i].enriched = line;
        waiting.splice(i, 1);
        continue;
      }
      rows.push({ raw: null, enriched: line });
      continue;
    }
    const row = { raw: line, enriched: null };
    rows.push(row);
    if (line.origin === "function") waiting.push(row);
  }
  return rows.sort((a, b) => (a.raw ?? a.enriched).printed - (b.raw ?? b.enriched).printed);
}
