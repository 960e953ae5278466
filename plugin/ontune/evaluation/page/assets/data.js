// The data blocks, and what is worked out of them once.
const block = (id) => JSON.parse(byId(id).textContent);
const data = block("data");
const notes = block("notes");
const report = data.report;
const runs = report.runs.map((run) => run.name);
const otherRun = runs.find((run, place) => place && !run.endsWith(" free")) ?? runs[1] ?? null;

const EXACT = data.relations.indexOf("exact");
const RELATIONS = {
  exact: ["✓", "exact", "the label is in gold"],
  ancestor: ["↑", "ancestor", "too general: gold has a label below it"],
  descendant: ["↓", "descendant", "too special: gold has a label above it"],
  sibling: ["↔", "sibling", "gold has a label with the same parent"],
  contradiction: ["≠", "contradiction", "contradicts a gold label"],
  wrong: ["✕", "wrong", "another branch of the ontology"],
  unknown: ["?", "unknown", "not in the ontology, or nothing to compare with"],
  missed: ["○", "missed", "a gold label that was not given"],
};

const samples = data.samples.map(([id, pictures, gold, values, meta, hasGold], at) => ({
  at, id, pictures, gold, values, meta, hasGold,
}));
const unpack = (row) => row && { labels: row[0], values: row[1], right: row[2], raw: row[3], errors: row[4], seconds: row[5] };
const answers = Object.fromEntries(runs.map((run) => [run, (data.answers[run] ?? []).map(unpack)]));
const answerOf = (run, sample) => answers[run]?.[sample.at] ?? null;

const pairsOf = (flat) => Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]]);
// What sorts samples into parts is worth a line beside each; a hash, or what all have in common, is in the detail.
const metaValues = new Map();
for (const sample of samples) {
  for (const [key, value] of pairsOf(sample.meta)) metaValues.set(key, (metaValues.get(key) ?? new Set()).add(value));
}
const parted = new Set([...metaValues].filter(([, found]) => found.size > 1 && found.size <= Math.max(20, samples.length / 2)).map(([key]) => data.metaKeys[key]));
const tellsParts = ([key, value]) => parted.has(key) && value !== "";
const metaOf = (sample) => pairsOf(sample.meta).map(([key, value]) => [data.metaKeys[key], data.metaValues[value]]);

/** Gold labels of a dimension that an answer does not give. */
const missedIn = (sample, answer, dimension) => {
  const given = answer?.labels[dimension] ?? [];
  return (sample.gold[dimension] ?? []).filter((label) => !given.some((item, at) => at % 2 === 0 && item === label));
};
const missed = (sample, answer) => Object.keys(sample.gold).flatMap((dimension) => missedIn(sample, answer, dimension));
const marks = (answer) => Object.values(answer?.labels ?? {}).flatMap(pairsOf);
const goldLabels = (sample) => Object.values(sample.gold).flat();
const isWrong = (sample, answer) => sample.hasGold === 1 && answer?.right !== 1;
const said = (answer) =>
  answer && JSON.stringify([Object.entries(answer.labels).map(([at, flat]) => [at, pairsOf(flat).map(([label]) => label).sort()]), answer.values]);
/** The overlap of given and gold labels (Jaccard), or whether all is right where there are no labels. */
const overlap = (sample, answer) => {
  const gold = goldLabels(sample).length;
  const given = marks(answer);
  const hits = given.filter(([, relation]) => relation === EXACT).length;
  return gold + given.length ? hits / (gold + given.length - hits) : answer?.right ?? 0;
};

const searched = [];
/** All text of a sample in lower case, made when it is first searched. */
const textOf = (sample) => {
  searched[sample.at] ??= [
    sample.id,
    ...sample.pictures.map((picture) => data.pictures[picture]),
    ...goldLabels(sample).map((label) => data.labels[label]),
    ...Object.values(sample.values),
    ...metaOf(sample).map(([key, value]) => `${key}=${value}`),
    ...runs.flatMap((run) => answerOf(run, sample)?.raw ?? []),
  ].join("\n").toLowerCase();
  return searched[sample.at];
};

const blocks = [];
const thumbnail = (picture) => {
  if (picture === undefined) return null;
  if (data.thumbnails === "linked") return isVideo(picture) ? null : data.links[picture];
  if (data.thumbnails !== "embedded") return null;
  const number = Math.floor(picture / data.block);
  blocks[number] ??= block(`thumbnails-${number}`);
  return blocks[number][picture % data.block];
};
const isVideo = (picture) => /\.(avi|m4v|mkv|mov|mp4|mpe?g|webm)$/i.test(data.pictures[picture]);
