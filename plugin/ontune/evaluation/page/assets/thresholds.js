// A slider a field: which labels are kept when only those at least this probable count. All of it is worked out here.
// The slider runs over log odds, 0.0001 to 0.9999: near 0 and near 1 is where probabilities are told apart.
const REACH = 9.21;
const logOdds = (share) => Math.log(share / (1 - share));
const toShare = (position) => 1 / (1 + Math.exp(REACH * (1 - 2 * position)));
const toPosition = (share) => 0.5 + logOdds(share) / (2 * REACH);
const ratio = (part, whole) => (whole ? part / whole : 0);
const f1From = (hits, given, gold) => ratio(2 * hits, given + gold);

/** How many of the sorted numbers are at most `limit`. */
const atMost = (sorted, limit) => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
};
/** A field's scores by label, sorted once, so that a move of the slider only counts. */
const prepared = ({ rows, choice }) => {
  const labels = new Map();
  const entry = (label) => labels.get(label) ?? labels.set(label, { gold: 0, right: [], wrong: [] }).get(label);
  const first = rows.map(([gold, flat]) => {
    gold.forEach((label) => (entry(label).gold += 1));
    for (const [label, odds] of pairsOf(flat)) entry(label)[gold.includes(label) ? "right" : "wrong"].push(-odds);
    return flat.length ? -flat[1] : Infinity;
  });
  const ascending = (one, other) => one - other;
  for (const one of labels.values()) [one.right, one.wrong].forEach((odds) => odds.sort(ascending));
  return { labels, first: first.sort(ascending), size: rows.length, choice };
};
/** The metrics of a field when a label is kept up to the limit that `limitOf` gives. */
const measured = (field, limitOf, covered) => {
  const sum = { hits: 0, given: 0, gold: 0, macro: 0, labels: 0 };
  for (const [label, { gold, right, wrong }] of field.labels) {
    const limit = limitOf(label);
    const hits = atMost(right, limit);
    const given = hits + atMost(wrong, limit);
    if (!gold && !given) continue;
    sum.hits += hits;
    sum.given += given;
    sum.gold += gold;
    sum.macro += f1From(hits, given, gold);
    sum.labels += 1;
  }
  return {
    "micro F1": f1From(sum.hits, sum.given, sum.gold), "macro F1": ratio(sum.macro, sum.labels),
    precision: ratio(sum.hits, sum.given), recall: ratio(sum.hits, sum.gold), coverage: covered,
  };
};
const limitAt = (share) => 0.5 - 1000 * logOdds(share); // odds are stored as whole numbers, and sorted by their negative
const atShare = (field, share) => measured(field, () => limitAt(share), ratio(atMost(field.first, limitAt(share)), field.size));
const fitted = (field, limits) => {
  const numbers = new Map(data.labels.map((label, at) => [at, limits[label]]));
  return measured(field, (label) => limitAt(numbers.get(label) ?? 0.5), null);
};

const CURVES = [["micro F1", "c1"], ["precision", "c2"], ["recall", "c3"], ["coverage", "c4"]];
const thresholdCard = (run, name, scores) => {
  const field = prepared(scores);
  const steps = Array.from({ length: 61 }, (_, at) => [at / 60, atShare(field, toShare(at / 60))]);
  const best = steps.reduce((one, other) => (other[1]["micro F1"] > one[1]["micro F1"] ? other : one))[0];
  const cells = Object.keys(steps[0][1]).map((metric) => [metric, el("dd", { dataset: { metric } })]);
  const output = el("output", { class: "big" });
  const marker = line([], { class: "marker" });
  const slider = el("input", { type: "range", min: 0, max: 1, step: 0.005, "aria-label": `Threshold of ${name}, run ${run}` });
  const move = () => {
    const position = Number(slider.value);
    const share = toShare(position);
    const values = atShare(field, share);
    cells.forEach(([metric, cell]) => (cell.textContent = format(values[metric])));
    output.textContent = share < 0.01 || share > 0.99 ? share.toFixed(4) : share.toFixed(3);
    slider.setAttribute("aria-valuetext", `${output.textContent}, micro F1 ${format(values["micro F1"])}`);
    marker.setAttribute("points", `${plotX(position)},${plotY(0)} ${plotX(position)},${plotY(1)}`);
  };
  const jump = (position) => () => {
    slider.value = position;
    move();
  };
  slider.addEventListener("input", move);
  const limits = report.thresholds?.[run]?.[name];
  const card = el(
    "div", { class: "card threshold", dataset: { field: name, run } },
    el("h3", null, `${name}, run ${run}`),
    el("p", { class: "row" }, el("span", null, field.choice ? "Answer when the best option is at least " : "Keep labels of at least "), output),
    slider,
    el("p", { class: "row" }, button("Best micro F1", jump(best)), button("0.5", jump(toPosition(0.5)))),
    el("dl", { class: "numbers", "aria-live": "polite" }, cells.map(([metric, cell]) => el("div", null, el("dt", null, metric), cell))),
    plot(`Metrics of ${name} by threshold`, "threshold: probability, by log odds", "", (at) => ["0.0001", "0.01", "0.5", "0.99", "0.9999"][4 * at], CURVES.map(([metric, mark]) => line(steps.map(([at, values]) => [at, values[metric]]), { class: `curve ${mark}` })), marker),
    el("ul", { class: "legend" }, CURVES.map(([metric, mark]) => el("li", null, svg("svg", { viewBox: "0 0 24 6", class: "key", "aria-hidden": "true" }, svg("line", { class: `curve ${mark}`, x1: 0, x2: 24, y1: 3, y2: 3 })), ` ${metric}`))),
    limits ? el("p", { class: "quiet" }, `With the thresholds fitted for each label: ${Object.entries(fitted(field, limits)).filter(([, value]) => value !== null).map(([metric, value]) => `${metric} ${format(value)}`).join(", ")}.`) : null,
  );
  jump(best)();
  return card;
};
const drawThresholds = () => {
  const scores = block("scores");
  byRun("thresholds", Object.keys(scores), (run) => [
    el("p", { class: "quiet" }, "Only samples with gold and scores count. Coverage is the share of them with at least one label kept."),
    el("div", { class: "cards wide" }, Object.entries(scores[run]).map(([name, field]) => thresholdCard(run, name, field))),
  ]);
};
