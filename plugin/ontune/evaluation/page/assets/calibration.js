// Whether a confidence of 0.8 is right in 8 of 10 cases, and what abstaining would buy.
const reliability = (run, field, { bins, ece, brier, temperature }) => {
  const used = bins.filter((bin) => bin.count);
  const most = Math.max(1, ...used.map((bin) => bin.count));
  const chart = plot(
    `Reliability of ${field}, run ${run}: accuracy against confidence; expected calibration error ${format(ece)}`,
    "confidence", "accuracy", null,
    used.map((bin) => svg("rect", {
      class: "histogram", x: plotX(bin.low), width: Math.max(0, plotX(bin.high) - plotX(bin.low) - 1), y: plotY((0.25 * bin.count) / most), height: plotY(0) - plotY((0.25 * bin.count) / most),
    })),
    line([[0, 0], [1, 1]], { class: "ideal" }),
    line(used.map((bin) => [bin.confidence, bin.accuracy]), { class: "curve" }),
    used.map((bin) => svg("circle", { class: "point", cx: plotX(bin.confidence), cy: plotY(bin.accuracy), r: 4 }, svg("title", null, `${format(bin.confidence)} → ${format(bin.accuracy)}, ${bin.count}`))),
  );
  return el(
    "figure", { class: "card" },
    el("h3", null, `${field}, run ${run}`), chart,
    el("figcaption", null, el("dl", { class: "beside" }, [["expected calibration error", ece], ["Brier score", brier], ["temperature", temperature]].map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, format(value)))))),
    el("details", null, el("summary", null, "Numbers"), table(`Reliability bins of ${field}, run ${run}`, ["Confidence", "Mean", "Accuracy", "Count"], bins.map((bin) => [`${format(bin.low)} to ${format(bin.high)}`, format(bin.confidence), format(bin.accuracy), String(bin.count)]))),
  );
};
const riskCoverage = (run, { points, area }) => el(
  "figure", { class: "card" },
  el("h3", null, `Risk and coverage, run ${run}`),
  plot(`Risk against coverage, run ${run}; area ${format(area)}`, "coverage: share of samples answered", "risk: share wrong", null, line(points.map((point) => [point.coverage, point.risk]), { class: "curve" })),
  el("figcaption", null, el("dl", { class: "beside" }, el("div", null, el("dt", null, "area under the curve"), el("dd", null, format(area))))),
  el("details", null, el("summary", null, "Numbers"), table(`Risk and coverage, run ${run}`, ["Coverage", "Risk"], thinned(points, 20).map((point) => [format(point.coverage), format(point.risk)]))),
);
const thinned = (points, most) => points.filter((_, at) => at % Math.ceil(points.length / most) === 0 || at === points.length - 1);

const drawCalibration = () => {
  const known = runs.filter((run) => report.calibration?.[run] || report.risk_coverage?.[run]?.points?.length);
  byRun("calibration", known, (run) => [
    el("div", { class: "cards wide" },
      Object.entries(report.calibration?.[run] ?? {}).map(([field, values]) => reliability(run, field, values)),
      report.risk_coverage?.[run]?.points?.length ? riskCoverage(run, report.risk_coverage[run]) : null),
  ]);
};
