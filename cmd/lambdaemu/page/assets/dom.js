// Elements from values. Text is always text: nothing here reads HTML.
import { marked, tsv } from "./format.js";

const svgNames = new Set(["svg", "g", "rect", "line", "path", "circle", "title"]);

// h makes an element; attributes that are null or false are left out, those
// that are functions listen.
export function h(tag, attributes, ...children) {
  const el = svgNames.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (typeof value === "function") el.addEventListener(key, value);
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
  return el;
}

// said is a text that somebody else wrote: its direction stays inside, and what
// cannot be seen is shown by its number.
export function said(text, attributes) {
  const el = h("bdi", attributes);
  for (const part of marked(String(text))) el.append(part.mark ? h("span", { class: "mark", title: "a character that cannot be seen" }, part.mark) : part.text);
  return el;
}

const shortText = 2000;

// long is said, of which a large text shows the beginning first.
export function long(text, attributes) {
  if (text.length <= shortText) return said(text, attributes);
  const box = h("span", {}, said(text.slice(0, shortText), attributes));
  box.append(h("button", { class: "more", click: () => box.replaceChildren(said(text, attributes)) }, `… all ${Math.ceil(text.length / 1000)} k characters`));
  return box;
}

// fill makes the children of an element one for each item, and leaves alone those
// whose signature has not changed: selections and focus in them stay.
export function fill(parent, items, key, signature, make) {
  const old = new Map([...parent.children].map((el) => [el.dataset.key, el]));
  let at = parent.firstChild;
  for (const item of items) {
    const k = String(key(item));
    const sign = String(signature(item));
    let el = old.get(k);
    old.delete(k);
    if (!el || el.dataset.sign !== sign) {
      const fresh = make(item);
      fresh.dataset.key = k;
      fresh.dataset.sign = sign;
      if (el) {
        if (at === el) at = fresh;
        keepFocus(el, () => el.replaceWith(fresh), fresh);
      }
      el = fresh;
    }
    if (el === at) at = at.nextSibling;
    else parent.insertBefore(el, at);
  }
  for (const el of old.values()) el.remove();
}

// renew replaces what is inside, unless it is the same as before.
export function renew(el, sign, make) {
  if (el.dataset.sign === String(sign)) return;
  el.dataset.sign = String(sign);
  keepFocus(el, () => el.replaceChildren(...[make()].flat(Infinity).filter((c) => c != null && c !== false)), el);
}

function keepFocus(before, change, after) {
  const active = document.activeElement;
  const name = before.contains(active) ? active.dataset.focus : null;
  change();
  if (name) [...after.querySelectorAll("[data-focus]")].find((el) => el.dataset.focus === name)?.focus({ preventScroll: true });
}

// table makes an empty table: columns are { label, number, wide, cell(row), text(row) }.
// rows() gives all rows to copy, of which the page may show only some.
export function table(caption, columns, rows) {
  const body = h("tbody");
  const head = h("tr", {}, columns.map((c) => h("th", { scope: "col", class: cellClass(c) }, c.head ? c.head : c.label)));
  const el = h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, head), body);
  const copy = h("button", { class: "quiet", title: "copy this table as tab-separated values", "aria-label": `Copy ${caption} as TSV`, click: () => copyText(asTSV(columns, rows()), copy) }, "Copy");
  return { el: h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, el), body, copy };
}

export function asTSV(columns, rows) {
  return tsv([columns.map((c) => c.label), ...rows.map((row) => columns.map((c) => plain((c.text ?? c.cell)(row))))]);
}

// plain is what a cell says.
function plain(cell) {
  if (Array.isArray(cell)) return cell.map(plain).join("");
  return cell instanceof Node ? cell.textContent : cell;
}

function cellClass(c) {
  return [c.number && "number", c.wide && "wide", c.class].filter(Boolean).join(" ") || null;
}

// tr is one row; the first column heads it.
export function tr(columns, row, attributes) {
  return h("tr", attributes, columns.map((c, i) => {
    const cell = c.cell(row);
    return h(i === 0 ? "th" : "td", { class: cellClass(c), scope: i === 0 ? "row" : null }, cell);
  }));
}

export async function copyText(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Not allowed";
    area.remove();
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

// empty says what is missing and what brings it.
export function empty(title, hint) {
  return h("p", { class: "empty" }, h("strong", {}, title), " ", hint);
}

// chip is a short word with a colour of its own, which the word also says.
export function chip(kind, label) {
  return h("span", { class: `chip ${kind}` }, label ?? kind);
}
