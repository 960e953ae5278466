// Keys: a letter does nothing while someone types.
const KEYS = [
  ["j or ↓", "next sample"], ["k or ↑", "previous sample"], ["Enter", "open the sample"], ["Escape", "close, or leave a field"],
  ["/", "search"], ["w", "wrong only, on or off"], ["d", "differs between the runs, on or off"], ["n and p", "next and previous page"], ["?", "these keys"],
];
const toggle = (key) => () => change({ [key]: state[key] ? "" : "1" });
const turn = (by) => () => {
  const page = pageNow() + by;
  if (page >= 1 && page <= pages()) goTo((page - 1) * ROWS);
};
const started = () => rowAt(list.at)?.contains(document.activeElement);
const ACTS = {
  j: () => goTo(started() ? list.at + 1 : list.at),
  k: () => goTo(list.at - 1),
  n: turn(1),
  p: turn(-1),
  w: toggle("wrong"),
  d: () => runs.length > 1 && toggle("differs")(),
  "/": () => byId("search").focus(),
  "?": () => showKeys(),
};
const IN_ROWS = { ArrowDown: ACTS.j, ArrowUp: ACTS.k, Enter: () => openSample(list.at) };
const IN_DETAIL = { j: () => moveDetail(1), k: () => moveDetail(-1), ArrowRight: () => moveDetail(1), ArrowLeft: () => moveDetail(-1) };

// Who speaks to the computer, or reads by ear, may have other uses for single letters.
const letters = { on: remembered.get("letters") !== "off" };
const letterSwitch = () => {
  const box = el("input", { type: "checkbox", checked: letters.on, on: { change: () => {
    letters.on = box.checked;
    remembered.set("letters", box.checked ? "on" : "off");
  } } });
  return el("label", { class: "check" }, box, "Letters work as keys");
};
const showKeys = () => byId("keys").showModal();
const actOf = (event) => {
  const { key, target } = event;
  if (byId("keys").open) return null;
  if (!letters.on && key.length === 1) return null;
  if (byId("detail").open) return target.matches("pre") && key.startsWith("Arrow") ? null : IN_DETAIL[key];
  if (target.matches("input:not([type=checkbox]):not([type=range]), select, textarea")) return key === "Escape" ? () => target.blur() : null;
  return ACTS[key] ?? (target.matches("#rows tr") ? IN_ROWS[key] : null);
};
const buildKeys = () => {
  byId("keys").append(
    el("h2", { id: "keys-title" }, "Keys"),
    el("dl", { class: "beside" }, KEYS.map(([key, what]) => el("div", null, el("dt", null, el("kbd", null, key)), el("dd", null, what)))),
    el("div", { class: "checks" }, letterSwitch()),
    button("Close", () => byId("keys").close(), { autofocus: true }),
  );
  byId("show-keys").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = actOf(event);
    if (!act) return;
    event.preventDefault();
    act();
  });
};
