// The same metrics within parts of the samples.
const KINDS = { solution: "true", question: "false" };
/** The filter that shows a slice; null for one that the page cannot work out again. */
const sliceFilter = ({ by, value }) => {
  if (by === "question/solution") return { by: "solution", value: KINDS[value] ?? value };
  return by === CARDINALITY || data.metaKeys.includes(by) ? { by, value } : null;
};
const showSlice = (run, slice) => sliceFilter(slice) && button(
  "samples", () => showSamples({ run, ...sliceFilter(slice) }), { class: "link", "aria-label": `Samples where ${slice.by} is ${slice.value}` },
);
const sliceTable = (run, by, slices, open) => {
  const names = [...new Set(slices.flatMap((slice) => Object.keys(slice.metrics)))];
  const main = [...MAIN.filter((name) => names.includes(name)), ...names.filter((name) => !MAIN.includes(name))].slice(0, 3);
  return el(
    "details", { open },
    el("summary", null, `${by} · ${count(slices.length, "value")}`),
    table(`Slices by ${by}, run ${run}`, [by, "Samples", ...main.map(words), "Show"], slices.map((slice) => [
      slice.value, String(slice.n), ...main.map((name) => metricCell(slice.metrics[name], name)), showSlice(run, slice) ?? "–",
    ])),
  );
};
const drawSlices = () => byRun("slices", runs.filter((run) => report.slices?.[run]?.length), (run) => {
  const groups = Map.groupBy(report.slices[run], (slice) => slice.by);
  return [...groups].map(([by, slices], place) => sliceTable(run, by, slices, place === 0));
});
