// Elements and texts. User data reaches the page as text nodes and attributes alone, never as markup.
const byId = (id) => document.getElementById(id);

const fill = (node, properties, children) => {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};
const el = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
const svg = (tag, properties, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

const quietly = (text) => el("span", { class: "sr" }, text);
const button = (text, act, properties) => el("button", { type: "button", on: { click: act }, ...properties }, text);
const section = (id, ...children) => {
  byId(id).hidden = false;
  byId(id).append(...children.flat().filter(Boolean));
};

/** A table with a caption; a row's first cell is its header. Cells are texts, nodes or {node, class}. */
const table = (caption, heads, rows, properties) =>
  el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      properties,
      el("caption", { class: "sr" }, caption),
      el("thead", null, el("tr", null, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", null, rows.map((cells) => el("tr", null, cells.map(tableCell)))),
    ),
  );
const tableCell = (cell, place) => {
  const { node, ...properties } = cell?.node !== undefined ? cell : { node: cell };
  return place ? el("td", properties, node) : el("th", { scope: "row", ...properties }, node);
};

/** A labelled select; options are [value, text]. */
const select = (label, options, chosen, act) => {
  const box = el(
    "select",
    { on: { change: () => act(box.value) } },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
  return el("label", { class: "field" }, el("span", null, label), box);
};

/** A section that shows one run at a time. */
const byRun = (id, known, draw) => {
  if (!known.length) return;
  const place = el("div");
  const show = (run) => place.replaceChildren(...draw(run).flat(Infinity).filter(Boolean));
  section(id, known.length > 1 ? el("div", { class: "row" }, select("Run", known.map((run) => [run, run]), known[0], show)) : null, place);
  show(known[0]);
};

const isNumber = (value) => typeof value === "number";
const isShare = (value) => isNumber(value) && value >= 0 && value <= 1;
const format = (value) => {
  if (!isNumber(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) > 1) return value.toLocaleString("en");
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3);
};
const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const words = (name) => name.replaceAll("_", " ");
const interval = ({ low, high }) => (isNumber(low) && isNumber(high) ? `${format(low)} to ${format(high)}` : "");
/** The class of a colour of the scale: ten steps, safe for the colour-blind; the number always stands beside it. */
const step = (value) => (isNumber(value) ? `f${Math.min(9, Math.max(0, Math.floor(value * 10)))}` : "fnone");
const chipOf = (value) => el("span", { class: `score ${step(value)}` }, format(value));
