// What is taken for what: pairs of labels, and a matrix for each choice.
const PAIRS = 12;
const pairTable = (run, pairs) => {
  const most = Math.max(...pairs.map((pair) => pair.count));
  const rows = (shown) => shown.map((pair) => [
    pair.gold, pair.predicted, pair.dimension ?? "–",
    el("div", { class: "metric inline" }, el("b", null, String(pair.count)), bar(pair.count / most, null, null, { label: `${pair.count} times, relative` })),
    button("samples", () => showSamples({ run, gold: pair.gold, predicted: pair.predicted }), { class: "link", "aria-label": `Samples with ${pair.predicted} for ${pair.gold}` }),
  ]);
  const heads = ["Missed", "Given instead", "Dimension", "Times", "Show"];
  return [
    table(`Confused pairs of run ${run}, most frequent first`, heads, rows(pairs.slice(0, PAIRS))),
    pairs.length > PAIRS
      ? el("details", null, el("summary", null, `${pairs.length - PAIRS} more pairs`), table(`Further confused pairs of run ${run}`, heads, rows(pairs.slice(PAIRS, 500))), pairs.length > 500 ? el("p", { class: "quiet" }, `The report has ${pairs.length} pairs; 500 are listed.`) : null)
      : null,
  ];
};

const heatmap = (run, field, { classes, counts }) => {
  const rows = counts.map((row, at) => {
    const whole = row.reduce((sum, number) => sum + number, 0);
    return [
      classes[at] ?? "other",
      ...row.map((number, place) => ({
        node: number ? String(number) : el("span", { class: "quiet" }, "0"),
        class: `cell h${whole ? Math.ceil((9 * number) / whole) : 0}${place === at ? " diagonal" : ""}`,
      })),
      String(whole),
    ];
  });
  const heads = counts[0]?.map((_, at) => classes[at] ?? "other") ?? [];
  return [
    el("h4", null, `${field}, run ${run}`),
    el("p", { class: "quiet" }, "Rows are gold, columns what was answered; a stronger colour is a larger share of the row, the frame is the right answer."),
    table(`Confusion matrix of ${field}, run ${run}`, ["gold \\ answer", ...heads, "sum"], rows, { class: "matrix" }),
  ];
};

const drawConfusion = () => {
  const known = runs.filter((run) => report.confusion[run]?.pairs?.length || Object.keys(report.confusion[run]?.matrices ?? {}).length);
  byRun("confusion", known, (run) => {
    const { pairs, matrices } = report.confusion[run];
    return [
      Object.entries(matrices ?? {}).map(([field, matrix]) => heatmap(run, field, matrix)),
      pairs?.length ? [el("h3", null, "Labels taken for others"), pairTable(run, pairs)] : [],
    ];
  });
};
