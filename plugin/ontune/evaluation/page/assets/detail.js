// One sample in full: its picture as large as there is room, all answers, raw text, meta.
const large = (picture) => {
  const name = data.pictures[picture];
  const link = data.links[picture];
  const small = thumbnail(picture);
  const caption = el("figcaption", { class: "quiet" }, link ? el("a", { href: link }, name) : `${name}: file not found`);
  const source = isVideo(picture) ? small : link ?? small;
  if (!source) return el("figure", null, placeholder(picture), caption);
  // A page that was moved away from its pictures still has the small ones.
  const image = el("img", { src: source, alt: `Picture ${name}`, on: { error: () => { if (small && image.getAttribute("src") !== small) image.src = small; } } });
  return el("figure", null, image, caption);
};
const scoresOf = (answer) => answer && isNumber(answer.seconds) && el("span", { class: "quiet" }, `${answer.seconds.toFixed(2)} s`);
const detailRun = (sample) => (run) => {
  const answer = answerOf(run, sample);
  return el(
    "section", { "aria-label": `Run ${run}` },
    el("h3", null, `Run ${run} `, verdictOf(sample, answer), " ", scoresOf(answer)),
    answerView(sample, answer),
    answer ? el("pre", { tabindex: "0", "aria-label": `Raw text of run ${run}` }, answer.raw) : null,
  );
};
const detailView = (sample, at) => [
  el(
    "header", { class: "row" },
    el("h2", { id: "detail-title" }, el("bdi", null, sample.id)),
    el("span", { class: "quiet" }, `${(at + 1).toLocaleString("en")} of ${list.found.length.toLocaleString("en")}`),
    button("‹ Previous", () => moveDetail(-1), { disabled: at === 0 }),
    button("Next ›", () => moveDetail(1), { disabled: at === list.found.length - 1 }),
    button("Close", () => byId("detail").close(), { autofocus: true }),
  ),
  el(
    "div", { class: "columns" },
    el("div", { class: "pictures" }, sample.pictures.length ? sample.pictures.map(large) : el("p", { class: "quiet" }, "no picture")),
    el(
      "div", null,
      el("section", { "aria-label": "Gold" }, el("h3", null, "Gold"), goldView(sample)),
      runs.map(detailRun(sample)),
      sample.meta.length ? el("section", { "aria-label": "Meta" }, el("h3", null, "Meta"), el("dl", { class: "beside" }, metaOf(sample).map(([key, value]) => el("div", null, el("dt", null, key), el("dd", null, value))))) : null,
    ),
  ),
];
const shown = { at: 0 }; // kept apart: a dialog that closes gives the focus back to the row that it was opened from
const openSample = (at) => {
  const sample = list.found[at];
  if (!sample) return;
  goTo(at, false);
  const dialog = byId("detail");
  dialog.replaceChildren(...detailView(sample, at));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  shown.at = at;
  state.sample = sample.id;
  saveHash();
};
const moveDetail = (by) => openSample(shown.at + by);
const buildDetail = () => byId("detail").addEventListener("close", () => {
  byId("detail").replaceChildren();
  state.sample = "";
  saveHash();
  goTo(shown.at);
});
/** Opens the sample that the address names, where the filters show it. */
const openNamed = () => {
  const at = state.sample ? list.found.findIndex((sample) => sample.id === state.sample) : -1;
  if (at >= 0) openSample(at);
};
