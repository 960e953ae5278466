// Goals, the numbers that matter, all metrics beside baselines, comparisons, notes.
const MAIN = [
  "exact_match", "f1", "macro_f1", "sample_f1", "hierarchical_f1", "accuracy", "balanced_accuracy", "spatial_accuracy",
  "numeric_exact_match", "keyword_presence", "exercise_match", "anls", "rouge_l", "meteor", "bertscore_f1",
  "precision", "recall", "ece", "invalid_rate", "unread_rate",
];
const VERDICTS = { PASS: "✓", FAIL: "✕", UNDECIDED: "?" };
const metricsOf = (run) => report.metrics[run] ?? {};
const baselines = Object.entries(report.baselines ?? {}).filter(([, values]) => values && Object.keys(values).length);

const badge = (verdict) =>
  el("span", { class: `badge ${verdict.toLowerCase()}` }, el("span", { "aria-hidden": "true" }, VERDICTS[verdict] ?? "?"), ` ${verdict}`);

const goalCard = (goal) => {
  const bound = Number(/[<>=]=?\s*(-?[\d.eE+-]+)\s*$/.exec(goal.goal)?.[1] ?? NaN);
  return el(
    "li", { class: "card goal-card" },
    el("div", { class: "row" }, badge(goal.verdict), el("span", { class: "quiet" }, `run ${goal.run ?? "–"}`)),
    el("p", { class: "goal-name" }, goal.goal.replace(">=", " ≥ ").replace("<=", " ≤ ")),
    el("p", { class: "big" }, format(goal.value), el("small", null, interval(goal) && ` ${interval(goal)}`)),
    bar(goal.value, goal.low, goal.high, { goal: bound, label: goal.metric }),
    goal.needed ? el("p", { class: "quiet" }, `${count(goal.needed, "sample")} would decide it`) : null,
    goal.why ? el("p", { class: "quiet" }, goal.why) : null,
  );
};

const headline = () => {
  const known = metricsOf(runs[0]);
  const wanted = [...report.goals.filter((goal) => goal.run === runs[0]).map((goal) => goal.metric), ...MAIN];
  return [...new Set(wanted)].filter((name) => isShare(known[name]?.value)).slice(0, 4);
};
const headlineCard = (name) => {
  const found = metricsOf(runs[0])[name];
  const beside = [
    ...runs.slice(1).map((run) => [run, metricsOf(run)[name]?.value]),
    ...baselines.map(([base, values]) => [words(base), values[name]]),
  ].filter(([, value]) => isNumber(value));
  return el(
    "li", { class: "card" },
    el("h3", null, words(name)),
    el("p", { class: "big" }, format(found.value), el("small", null, interval(found) && ` ${interval(found)}`)),
    bar(found.value, found.low, found.high, { ticks: beside.map(([, value]) => value), label: words(name) }),
    beside.length ? el("dl", { class: "beside" }, beside.map(([run, value]) => el("div", null, el("dt", null, run), el("dd", null, format(value))))) : null,
  );
};

const metricCell = (found, name) =>
  found
    ? { node: el("div", { class: "metric" }, el("b", null, format(found.value)), bar(found.value, found.low, found.high, { label: words(name) }), el("small", { class: "quiet" }, interval(found))) }
    : "–";
const metricTable = (caption, names) =>
  table(
    caption,
    ["Metric", ...runs.map((run) => `Run ${run}`), ...baselines.map(([base]) => `${words(base)} baseline`)],
    names.map((name) => [
      words(name),
      ...runs.map((run) => metricCell(metricsOf(run)[name], name)),
      ...baselines.map(([, values]) => format(values[name])),
    ]),
  );
const metrics = () => {
  const all = [...new Set(runs.flatMap((run) => Object.keys(metricsOf(run))))];
  const main = MAIN.filter((name) => all.includes(name));
  const shown = main.length ? main : all.slice(0, 12);
  const rest = all.filter((name) => !shown.includes(name));
  return [
    el("h3", null, "Metrics"),
    el("p", { class: "quiet" }, "The bar is the value, the pale band its confidence interval."),
    metricTable("Metrics by run, with confidence intervals, beside baselines", shown),
    rest.length ? el("details", null, el("summary", null, `${rest.length} more metrics`), metricTable("Further metrics", rest)) : null,
  ];
};

const runTable = () =>
  table(
    "Runs",
    ["Run", "Model", "Decoding", "Samples", "Seconds p50 / p95", "Tokens", "Errors", "File"],
    report.runs.map((run) => [
      run.name, run.model ?? "–", run.decoding ?? "–", String(run.samples),
      `${format(run.seconds?.p50)} / ${format(run.seconds?.p95)}`, format(run.tokens?.mean),
      Object.entries(run.errors ?? {}).map(([code, number]) => `${words(code)}: ${number}`).join(", ") || "none",
      run.file ?? "–",
    ]),
  );

const chance = (value) => (isNumber(value) && value < 0.0001 ? "< 0.0001" : format(value));
const differences = (found, names) =>
  table(
    `Differences, ${found.b} minus ${found.a}`, ["Metric", "Difference", "Interval", "Permutation p"],
    names.map((name) => {
      const value = found.differences[name];
      return [words(name), `${value.value > 0 ? "+" : ""}${format(value.value)}`, interval(value), chance(found.permutation_p?.[name])];
    }),
  );
const compared = (found) => {
  const names = Object.keys(found.differences ?? {});
  const main = MAIN.some((name) => names.includes(name)) ? names.filter((name) => MAIN.includes(name)) : names;
  const rest = names.filter((name) => !main.includes(name));
  const parts = [["won", found.won.length], ["lost", found.lost.length], ["both right", found.both_right], ["both wrong", found.both_wrong]];
  const sum = parts.reduce((total, [, number]) => total + number, 0) || 1;
  let from = 0;
  const strip = picture(
    parts.map(([name, number]) => `${name}: ${number}`).join(", "), 100, 6, { class: "strip", preserveAspectRatio: "none" },
    parts.map(([name, number]) => {
      const rect = svg("rect", { class: name.replace(" ", "-"), x: (100 * from) / sum, y: 0, width: (100 * number) / sum, height: 6 });
      from += number;
      return rect;
    }),
  );
  const show = (outcome) => () => showSamples({ run: found.a, versus: found.b, outcome });
  return el(
    "div", { class: "card" },
    el("h4", null, `${found.b} against ${found.a}`),
    strip,
    el(
      "p", { class: "row" },
      button(`${found.b} won ${found.won.length}`, show("won")), button(`${found.b} lost ${found.lost.length}`, show("lost")),
      button(`both wrong ${found.both_wrong}`, show("both wrong")), el("span", { class: "quiet" }, `both right ${found.both_right}`),
      el("span", null, `exact McNemar p: ${chance(found.mcnemar_p)}`),
    ),
    differences(found, main),
    rest.length ? el("details", null, el("summary", null, `${rest.length} more differences`), differences(found, rest)) : null,
  );
};

/** Any record as nested lists: what a judge or probes add has no form of its own here. */
const record = (value) => {
  if (value === null || typeof value !== "object") return isNumber(value) ? format(value) : String(value);
  const items = Array.isArray(value) ? value.map((item) => [null, item]) : Object.entries(value);
  return el("ul", { class: "record" }, items.map(([key, item]) => el("li", null, key === null ? null : el("b", null, `${words(key)}: `), record(item))));
};

const noteList = () => {
  const missing = notes.missing ? [`${count(notes.missing, "picture file")} not found: a placeholder stands for each.`] : [];
  const failed = notes.withoutThumbnail - notes.missing;
  const unread = failed > 0 ? [`${count(failed, "file")} could not be read as a picture: a placeholder stands for each.`] : [];
  const absent = (report.absent ?? []).map(({ what, why }) => `${what}: not shown, ${why}`);
  const all = [...(report.notes ?? []), ...absent, ...missing, ...unread];
  return all.length ? [el("h3", null, "Notes"), el("ul", { class: "notes", id: "note-list" }, all.map((note) => el("li", null, note)))] : [];
};

const drawSummary = () => {
  const { task, ontology } = report;
  byId("subtitle").textContent = [
    `task ${task.name}`, ontology?.name ? `ontology ${ontology.name} ${ontology.version}` : "", count(samples.length, "sample"), `runs ${runs.join(", ")}`,
  ].filter(Boolean).join(" · ");
  byId("made").textContent = `Made with ${report.created_with} · task ${String(task.sha256).slice(0, 12)} · ontology ${String(ontology?.sha256 ?? "–").slice(0, 12)}`;
  section(
    "summary",
    report.goals.length ? [el("h3", null, "Goals"), el("ul", { class: "cards" }, report.goals.map(goalCard))] : null,
    headline().length ? [el("h3", null, `Run ${runs[0]} at a glance`), el("ul", { class: "cards" }, headline().map(headlineCard))] : null,
    metrics(),
    (report.comparisons ?? []).length ? [el("h3", null, "Comparisons"), report.comparisons.map(compared)].flat() : null,
    el("details", null, el("summary", null, "Runs: models, speed, errors"), runTable()),
    ["judge", "probes"].filter((part) => report[part]).map((part) => el("details", null, el("summary", null, words(part)), record(report[part]))),
    noteList(),
  );
};
