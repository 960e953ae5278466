// Which samples are shown, in which order.
const numbering = (names) => new Map(names.map((name, at) => [name, at]));
const labelNumber = numbering(data.labels);
const keyNumber = numbering(data.metaKeys);
const relationNumber = numbering(data.relations);
const errorNumber = numbering(data.errors);

const givenLabels = (answer) => marks(answer).map(([label]) => label);
const wrongLabels = (answer) => marks(answer).filter(([, relation]) => relation !== EXACT).map(([label]) => label);
const PARTS = {
  "": (sample, answer) => [...goldLabels(sample), ...givenLabels(answer)],
  gold: (sample) => goldLabels(sample),
  given: (sample, answer) => givenLabels(answer),
  missed: missed,
  wrong: (sample, answer) => wrongLabels(answer),
};
const OUTCOMES = {
  won: (mine, theirs) => mine !== 1 && theirs === 1,
  lost: (mine, theirs) => mine === 1 && theirs !== 1,
  "both right": (mine, theirs) => mine === 1 && theirs === 1,
  "both wrong": (mine, theirs) => mine === 0 && theirs === 0,
};

const CARDINALITY = "cardinality";
const NONE = "(none)"; // of samples that do not have the key
/** A sample's value of a slice, as the report names it. */
const sliceOf = (sample, by) => {
  const number = keyNumber.get(by);
  const at = sample.meta.findIndex((key, place) => place % 2 === 0 && key === number);
  if (at >= 0) return data.metaValues[sample.meta[at + 1]];
  if (by !== CARDINALITY || number !== undefined) return NONE;
  const size = goldLabels(sample).length;
  return [[0, "0"], [4, "1–4"], [8, "5–8"]].find(([end]) => size <= end)?.[1] ?? "9 or more";
};

/** The tests that the state asks for: each takes a sample and the run's answer. */
const tests = () => {
  const found = [];
  const versus = (sample) => answerOf(state.versus, sample);
  const has = (labels, name) => labels.includes(labelNumber.get(name));
  if (state.wrong) found.push(isWrong);
  if (state.differs) found.push((sample, answer) => said(answer) !== said(versus(sample)));
  if (OUTCOMES[state.outcome])
    found.push((sample, answer) => OUTCOMES[state.outcome](answer?.right, versus(sample)?.right));
  if (state.relation === "missed") found.push((sample, answer) => missed(sample, answer).length > 0);
  else if (state.relation)
    found.push((sample, answer) => marks(answer).some(([, relation]) => relation === relationNumber.get(state.relation)));
  if (state.error) found.push((sample, answer) => answer?.errors.includes(errorNumber.get(state.error)));
  if (state.label) found.push((sample, answer) => has((PARTS[state.as] ?? PARTS[""])(sample, answer), state.label) || state.as === "" && isValue(sample, answer, state.label));
  if (state.gold) found.push((sample, answer) => has(missed(sample, answer), state.gold));
  if (state.predicted) found.push((sample, answer) => has(wrongLabels(answer), state.predicted));
  if (state.by && state.value !== "")
    found.push((sample) => sliceOf(sample, state.by) === state.value);
  for (const word of state.q.toLowerCase().split(/\s+/).filter(Boolean)) found.push((sample) => textOf(sample).includes(word));
  return found;
};
const isValue = (sample, answer, wanted) =>
  Object.values(sample.values).includes(wanted) || Object.values(answer?.values ?? {}).includes(wanted);

const SORTS = {
  "": null,
  worst: (sample) => overlap(sample, answerOf(state.run, sample)),
  slowest: (sample) => -(answerOf(state.run, sample)?.seconds ?? 0),
};
const filtered = () => {
  const all = tests();
  const found = samples.filter((sample) => {
    const answer = answerOf(state.run, sample);
    return all.every((test) => test(sample, answer));
  });
  const key = SORTS[state.sort];
  if (!key) return found;
  const keys = new Map(found.map((sample) => [sample, key(sample)]));
  return found.sort((one, other) => keys.get(one) - keys.get(other) || one.at - other.at);
};

const SUGGESTED = 1000; // entries of a list of suggestions; any other value can still be typed
const suggestions = (id, names) => el("datalist", { id }, names.slice(0, SUGGESTED).map((name) => el("option", { value: name })));
const textField = (label, key, properties) => {
  const box = el("input", { type: "search", dataset: { key }, on: { input: () => change({ [key]: box.value }) }, ...properties });
  return el("label", { class: "field" }, el("span", null, label), box);
};
const choose = (label, key, options) => {
  const field = select(label, options, state[key], (value) => change(key === "by" ? { by: value, value: "" } : { [key]: value }));
  field.querySelector("select").dataset.key = key;
  return field;
};
const check = (label, key) => {
  const box = el("input", { type: "checkbox", dataset: { key }, on: { change: () => change({ [key]: box.checked ? "1" : "" }) } });
  return el("label", { class: "check" }, box, label);
};
const valuesOf = (by) => [...new Set(samples.map((sample) => sliceOf(sample, by)))].sort();

const named = (names) => names.map((name) => [name, words(name)]);
const several = runs.length > 1;
const OUTCOME_NAMES = [["", "any"], ["won", "the compared run wins"], ["lost", "the compared run loses"], ["both right", "both right"], ["both wrong", "both wrong"]];
const PART_NAMES = [["", "gold or given"], ["gold", "gold"], ["given", "given"], ["missed", "missed"], ["wrong", "given, not gold"]];
const labelled = data.dimensions.length > 0; // else there is nothing that could be near a gold label
const matrixClasses = Object.values(report.confusion).flatMap((found) => Object.values(found?.matrices ?? {}).flatMap((matrix) => matrix.classes));
const labelNames = [...new Set([...data.labels, ...matrixClasses])].filter((name) => typeof name === "string").sort();
const furtherFilters = () => [
  several ? choose("Outcome", "outcome", OUTCOME_NAMES) : null,
  labelled ? choose("Label is", "as", PART_NAMES) : null,
  labelled && choose("Has", "relation", [["", "any relation"], ...named(data.relations), ["missed", "missed"]]),
  data.errors.length ? choose("Error", "error", [["", "any or none"], ...named(data.errors)]) : null,
  choose("Slice by", "by", [["", "no slice"], ...[...new Set([...data.metaKeys, CARDINALITY])].map((key) => [key, key])]),
  textField("Slice value", "value", { list: "slice-values", autocomplete: "off" }),
  choose("Order", "sort", [["", "by id"], ["worst", "worst first"], ["slowest", "slowest first"]]),
];
const filterForm = () => el(
  "form", { class: "filters", role: "search", "aria-label": "Filter the samples", on: { submit: (event) => event.preventDefault() } },
  el(
    "div", { class: "controls" },
    textField("Search", "q", { id: "search", placeholder: "id, label, answer, meta", "aria-keyshortcuts": "/" }),
    labelNames.length > 0 && textField("Label", "label", { list: "label-names", autocomplete: "off" }),
    several ? choose("Run", "run", runs.map((run) => [run, run])) : null,
    several ? choose("Compared with", "versus", runs.map((run) => [run, run])) : null,
  ),
  el("div", { class: "checks" }, check("Wrong only", "wrong"), several ? check("Differs between the two runs", "differs") : null, button("Clear filters", () => change({ ...DEFAULTS }), { id: "clear" })),
  el("details", { id: "more" }, el("summary", null, "More filters and order"), el("div", { class: "controls" }, furtherFilters())),
  suggestions("label-names", labelNames), el("datalist", { id: "slice-values" }),
);
/** Brings the controls to the state: it may have come from the address, or from a chart. */
let listedKey = null;
const syncFilters = () => {
  for (const box of document.querySelectorAll(".filters [data-key]")) {
    const { key } = box.dataset;
    if (box.type === "checkbox") box.checked = state[key] !== "";
    else if (box.value !== state[key]) box.value = state[key];
  }
  if ([...byId("more").querySelectorAll("[data-key]")].some((box) => box.value !== "")) byId("more").open = true;
  if (listedKey === state.by) return;
  listedKey = state.by;
  byId("slice-values").replaceChildren(...suggestions("", state.by ? valuesOf(state.by) : []).children);
};
