// The table of samples: a page of rows at a time, since no browser holds 10,000 rows with pictures.
const ROWS = 25;
const list = { found: [], at: 0 }; // the samples that pass the filters, and the place of the current one

const chip = (label, name) => {
  const [icon, word, meaning] = RELATIONS[name];
  return el("li", { class: `chip r-${name}`, title: `${word}: ${meaning}` }, el("span", { "aria-hidden": "true", class: "icon" }, icon), el("bdi", null, label), quietly(`, ${word}`));
};
const plainChip = (label) => el("li", { class: "chip" }, el("bdi", null, label));
const groups = (parts) => {
  const shown = parts.filter(([, chips]) => chips.length);
  return shown.map(([name, chips]) => el("div", { class: "group" }, el("span", { class: "quiet" }, name), el("ul", { class: "chips" }, chips)));
};
const valueRows = (values, verdict) => Object.entries(values).map(([field, value]) =>
  el("div", { class: "group" }, el("span", { class: "quiet" }, data.fields[field]), el("ul", { class: "chips" }, verdict(field, value))));

const goldView = (sample) => {
  if (!sample.hasGold) return el("span", { class: "quiet" }, "no gold");
  const parts = Object.entries(sample.gold).map(([dimension, labels]) => [data.dimensions[dimension], labels.map((label) => plainChip(data.labels[label]))]);
  return [groups(parts), valueRows(sample.values, (field, value) => plainChip(value))];
};
const answerView = (sample, answer) => {
  if (!answer) return el("span", { class: "quiet" }, "not in this run");
  const dimensions = new Set([...Object.keys(answer.labels), ...Object.keys(sample.gold)]);
  const parts = [...dimensions].map((dimension) => [
    data.dimensions[dimension],
    [
      ...pairsOf(answer.labels[dimension] ?? []).map(([label, relation]) => chip(data.labels[label], data.relations[relation])),
      ...missedIn(sample, answer, dimension).map((label) => chip(data.labels[label], "missed")),
    ],
  ]);
  const verdict = (field, value) => {
    if (value === sample.values[field]) return chip(value, "exact");
    return sample.hasGold && !answer.right ? chip(value, "wrong") : plainChip(value); // near enough may be right
  };
  const lost = Object.entries(sample.values).filter(([field]) => !(field in answer.values));
  return [
    answer.errors.length ? el("p", { class: "errors" }, answer.errors.map((code) => el("span", { class: "badge fail" }, words(data.errors[code])))) : null,
    groups(parts), valueRows(answer.values, verdict),
    lost.length ? valueRows(Object.fromEntries(lost), (field, value) => chip(value, "missed")) : null,
  ];
};
const verdictOf = (sample, answer) => {
  if (!sample.hasGold || !answer) return null;
  return el("span", { class: `verdict ${answer.right ? "pass" : "fail"}` }, answer.right ? "✓ right" : "✕ wrong");
};
const rawView = (answer) => answer && el("details", { class: "raw" }, el("summary", null, "raw"), el("pre", { tabindex: "0" }, answer.raw));

const placeholder = (picture) => el("span", { class: "nothumb", role: "img", "aria-label": data.links[picture] === null ? "picture file not found" : "no small picture" }, data.links[picture] === null ? "∅" : "▣");
const thumbOf = (sample) => {
  const [first, ...rest] = sample.pictures;
  if (first === undefined) return null;
  const source = thumbnail(first);
  const more = rest.length ? el("span", { class: "quiet" }, `+${rest.length}`) : null;
  if (source) return [el("img", { src: source, alt: "", decoding: "async" }), more];
  const name = data.pictures[first];
  if (isVideo(first) && data.links[first]) return el("a", { href: data.links[first] }, name.split("/").pop());
  return data.thumbnails === "none" ? more : [placeholder(first), more];
};

/** The runs beside gold: the chosen one and the one it is compared with. */
const shownRuns = () => [...new Set([state.run, state.versus].filter(Boolean))];
const sampleRow = (sample, at) => {
  const open = button(el("bdi", null, sample.id), () => openSample(at), { class: "link id", "aria-label": `Open ${sample.id}` });
  const meta = metaOf(sample).filter(tellsParts).slice(0, 4).map(([key, value]) => el("span", { class: "meta" }, `${key}: ${value}`));
  const cell = (label, ...children) => el("td", { role: "cell", dataset: { label } }, children);
  return el(
    "tr", { role: "row", tabindex: "-1", dataset: { at }, on: { focus: () => setCurrent(at, false) } },
    cell("Picture", thumbOf(sample)),
    cell("Sample", open, el("div", { class: "metas" }, meta)),
    cell("Gold", goldView(sample)),
    shownRuns().map((run) => {
      const answer = answerOf(run, sample);
      return cell(`Run ${run}`, el("div", { class: "row" }, verdictOf(sample, answer)), answerView(sample, answer), rawView(answer));
    }),
  );
};

const pages = () => Math.max(1, Math.ceil(list.found.length / ROWS));
const pageNow = () => Math.min(pages(), Math.max(1, Number(state.page) || 1));
const rowAt = (at) => document.querySelector(`#rows tr[data-at="${at}"]`);
const setCurrent = (at, focus) => {
  document.querySelector("#rows tr[aria-current]")?.removeAttribute("aria-current");
  list.at = at;
  const row = rowAt(at);
  if (!row) return;
  row.setAttribute("aria-current", "true");
  if (focus) row.focus();
};
/** Goes to a sample by its place among those found, turning pages where it must. */
const goTo = (at, focus = true) => {
  if (at < 0 || at >= list.found.length) return;
  const page = Math.floor(at / ROWS) + 1;
  if (page !== pageNow()) change({ page: String(page) });
  setCurrent(at, focus);
};

const pager = () => el(
  "nav", { class: "pager", "aria-label": "Pages of samples" },
  button("‹ Previous", () => change({ page: String(pageNow() - 1) }), { class: "previous" }),
  el("span", { class: "where" }),
  button("Next ›", () => change({ page: String(pageNow() + 1) }), { class: "next" }),
);
const syncPagers = () => {
  for (const nav of document.querySelectorAll(".pager")) {
    nav.querySelector(".previous").disabled = pageNow() === 1;
    nav.querySelector(".next").disabled = pageNow() === pages();
    nav.querySelector(".where").textContent = `page ${pageNow()} of ${pages()}`;
  }
};
const PAIR = ["gold", "predicted"];
const pairNotice = () => PAIR.some((key) => state[key]) && el(
  "p", { class: "row" }, el("span", { class: "chip" }, `${state.gold || "any"} missed, ${state.predicted || "any"} given`),
  button("Remove", () => change({ gold: "", predicted: "" }), { class: "link", "aria-label": "Remove the filter by confused pair" }),
);
let drawn = "";
const drawSamples = () => {
  const { page, sample, ...filters } = state;
  if (drawn !== JSON.stringify(filters)) {
    drawn = JSON.stringify(filters);
    list.found = filtered();
    list.at = 0;
    const total = samples.length;
    byId("count").textContent = `${list.found.length.toLocaleString("en")} of ${count(total, "sample")}`;
    byId("heads").replaceChildren(...["Picture", "Sample", "Gold", ...shownRuns().map((run) => `Run ${run}`)].map((head) => el("th", { role: "columnheader", scope: "col" }, head)));
    byId("pair").replaceChildren(...[pairNotice()].filter(Boolean));
  }
  const start = (pageNow() - 1) * ROWS;
  byId("rows").replaceChildren(...list.found.slice(start, start + ROWS).map((found, place) => sampleRow(found, start + place)));
  if (list.at < start || list.at >= start + ROWS) list.at = start;
  setCurrent(list.at, false);
  syncFilters();
  syncPagers();
};
const PLAIN = ["exact", "wrong", "missed"]; // of values that are no labels
const legend = () => el("ul", { class: "chips samples-legend", "aria-label": "Relations of what was given to gold" }, Object.entries(RELATIONS).filter(([name]) => labelled || PLAIN.includes(name)).map(([name, [, word]]) => chip(word, name)));
const buildSamples = () => section(
  "samples", filterForm(),
  el("div", { class: "row status" }, el("p", { id: "count", role: "status", "aria-live": "polite" }), el("div", { id: "pair" }), pager()),
  legend(),
  el("table", { class: "samples", role: "table" },
    el("caption", { class: "sr" }, "Samples: picture, gold and answers; j and k move, Enter opens"),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row", id: "heads" })), el("tbody", { role: "rowgroup", id: "rows" })),
  el("div", { class: "row status" }, pager()),
);
