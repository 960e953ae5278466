// The ontology as a tree and as rings, coloured by F1.
const DEPTH = 7; // rings that can still be told apart
const scored = (run) => {
  const own = new Map((report.labels[run] ?? []).map((label) => [label.label, label]));
  const branches = new Map((report.branches[run] ?? []).map((branch) => [branch.label, branch]));
  const below = new Map();
  const roots = new Map();
  for (const node of new Map([...own, ...branches]).values()) {
    const parents = (node.parents ?? []).filter((parent) => branches.has(parent) || own.has(parent));
    const lists = parents.length ? parents.map((parent) => [below, parent]) : [[roots, node.dimension]];
    for (const [map, key] of lists) map.set(key, [...(map.get(key) ?? []), node.label]);
  }
  return { own, branches, roots, children: (label) => below.get(label) ?? [] };
};
const numbersOf = (tree, label) => ({ own: tree.own.get(label), branch: tree.branches.get(label) ?? tree.own.get(label) });
const asked = (node) => (node ? node.support + node.predicted : 0);
const f1Of = (node) => (asked(node) ? node.f1 : null); // never asked for nor given: no score rather than 0

const ORDERS = {
  name: () => (one, other) => (one < other ? -1 : 1),
  worst: (tree) => (one, other) => (f1Of(numbersOf(tree, one).branch) ?? 2) - (f1Of(numbersOf(tree, other).branch) ?? 2),
  support: (tree) => (one, other) => (numbersOf(tree, other).branch?.support ?? 0) - (numbersOf(tree, one).branch?.support ?? 0),
};

const treeRow = (tree, label) => {
  const { own, branch } = numbersOf(tree, label);
  const parts = tree.children(label).length > 0;
  return [
    el("span", { class: "name" }, label),
    // A branch alone: no row has the label itself.
    asked(own) || !parts
      ? [chipOf(f1Of(own)), quietly("F1 of the label, "), el("span", { class: "quiet" }, `${own?.support ?? 0} in gold, ${own?.predicted ?? 0} given`)]
      : null,
    parts ? [el("span", { class: "quiet" }, "branch"), chipOf(f1Of(branch)), el("span", { class: "quiet" }, `of ${branch?.support ?? 0}`)] : null,
  ];
};
const showLabel = (label) => el(
  "button", { type: "button", class: "link", "aria-label": `Samples with ${label}`, on: { click: () => showSamples({ label }) } }, "samples",
);
const treeNode = (tree, order, label, open) => {
  const below = [...tree.children(label)].sort(order);
  if (!below.length) return el("li", null, el("div", { class: "leaf" }, treeRow(tree, label), showLabel(label)));
  const inside = el("div", { class: "inside" });
  const grow = () => {
    if (!inside.firstChild) inside.append(el("ul", null, below.map((child) => treeNode(tree, order, child, false))));
  };
  if (open) grow();
  // What is never opened is never built: an ontology may have 100,000 labels.
  return el("li", null, el("details", { open, on: { toggle: grow } }, el("summary", null, treeRow(tree, label)), inside), showLabel(label));
};

/** The share of the circle that each label takes: how often it and what lies below it is in gold or given. */
const weights = (tree) => {
  const found = new Map();
  const weigh = (label) => {
    if (!found.has(label)) {
      found.set(label, 0);
      found.set(label, asked(tree.own.get(label)) + tree.children(label).reduce((sum, child) => sum + weigh(child), 0));
    }
    return found.get(label);
  };
  for (const roots of tree.roots.values()) roots.forEach(weigh);
  return found;
};
const HOLE = 34;
const REACHED = 140; // from the centre, in the units of the picture
const sunburst = (tree) => {
  const weight = weights(tree);
  const deepest = (label) => (weight.get(label) ? 1 + Math.max(0, ...tree.children(label).map(deepest)) : 0);
  const rings = Math.min(DEPTH, Math.max(...[...tree.roots.values()].flat().map(deepest)));
  const width = (REACHED - HOLE) / (rings + 1);
  const whole = [...tree.roots.values()].flat().reduce((sum, label) => sum + weight.get(label), 0);
  if (!whole) return null;
  const name = text(0, -4, "F1", { "text-anchor": "middle", class: "centre" });
  const score = text(0, 10, "by label", { "text-anchor": "middle", class: "centre-score" });
  const say = (label, value) => {
    name.textContent = label.length > 16 ? `${label.slice(0, 15)}…` : label;
    score.textContent = value;
  };
  const part = (label, value, depth, from, share, act) => svg(
    "path", { d: arc(HOLE + width * depth, HOLE + width * (depth + 1) - 1, from, from + share), class: `${step(value)} arc`, on: { click: act, mouseenter: () => say(label, format(value)) } },
    svg("title", null, `${label}: F1 ${format(value)}`),
  );
  const ring = (label, depth, from) => {
    const share = weight.get(label) / whole;
    if (share < 0.0015 || depth > rings) return []; // thinner than a pixel
    let at = from;
    const below = tree.children(label).flatMap((child) => {
      const parts = ring(child, depth + 1, at);
      at += weight.get(child) / whole;
      return parts;
    });
    return [part(label, f1Of(numbersOf(tree, label).branch), depth, from, share, () => showSamples({ label })), below];
  };
  let turn = 0;
  const outer = [...tree.roots.values()].flat().map((label) => {
    const parts = ring(label, 1, turn);
    turn += weight.get(label) / whole;
    return parts;
  });
  turn = 0;
  const inner = [...tree.roots].map(([dimension, roots]) => {
    const share = roots.reduce((sum, label) => sum + weight.get(label), 0) / whole;
    const parts = part(dimension, dimensionF1(dimension), 0, turn, share, () => {});
    turn += share;
    return parts;
  });
  return el(
    "figure", { class: "sunburst" },
    svg("svg", { viewBox: `${-REACHED} ${-REACHED} ${2 * REACHED} ${2 * REACHED}`, role: "img", "aria-label": "Rings of the ontology, coloured by F1; the tree beside has the same numbers", on: { mouseleave: () => say("F1", "by label") } }, inner, outer, name, score),
    el("figcaption", null, scale()),
  );
};
const dimensionF1 = (dimension) => report.dimensions?.[treeState.run]?.[dimension]?.f1 ?? null;
const scale = () => el(
  "ol", { class: "scale", "aria-label": "Colours of F1" },
  Array.from({ length: 10 }, (_, at) => el("li", { class: `f${at}` }, (at / 10).toFixed(1))),
  el("li", { class: "fnone" }, "–"),
);

const treeState = { run: runs[0], order: "name" };
const drawTree = (place) => {
  const tree = scored(treeState.run);
  const order = ORDERS[treeState.order](tree);
  const trees = [...tree.roots].map(([dimension, roots]) => el(
    "div", { class: "dimension" },
    el("h3", null, dimension, " ", chipOf(dimensionF1(dimension))),
    el("ul", { class: "tree" }, [...roots].sort(order).map((label) => treeNode(tree, order, label, roots.length < 12))),
  ));
  place.replaceChildren(...[sunburst(tree), el("div", { class: "trees" }, trees)].filter(Boolean));
};
const dimensionTable = () => {
  const rows = runs.flatMap((run) => Object.entries(report.dimensions?.[run] ?? {}).map(([dimension, values]) => [run, dimension, values]));
  const names = [...new Set(rows.flatMap(([, , values]) => Object.keys(values)))];
  if (!rows.length) return null;
  return table("Metrics by dimension and run", ["Dimension", "Run", ...names.map(words)], rows.map(([run, dimension, values]) => [
    dimension, run, ...names.map((name) => (name.endsWith("f1") ? chipOf(values[name]) : format(values[name]))),
  ]));
};
const drawLabels = () => {
  const known = runs.filter((run) => report.labels[run]?.length || report.branches[run]?.length);
  if (!known.length) return;
  treeState.run = known[0];
  const place = el("div", { class: "ontology" });
  const redraw = (changes) => drawTree(place, Object.assign(treeState, changes));
  const controls = el(
    "div", { class: "row" },
    known.length > 1 ? select("Run", known.map((run) => [run, run]), treeState.run, (run) => redraw({ run })) : null,
    select("Sort labels", [["name", "by name"], ["worst", "worst F1 first"], ["support", "most frequent first"]], "name", (order) => redraw({ order })),
  );
  section("labels", dimensionTable(), controls, place);
  redraw({});
};
