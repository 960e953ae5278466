// What is shown, in the address: a view can be shared, and the browser's Back goes back.
const DEFAULTS = {
  run: runs[0] ?? "", versus: otherRun ?? "", q: "", wrong: "", differs: "", outcome: "", relation: "", error: "",
  label: "", as: "", gold: "", predicted: "", by: "", value: "", sort: "", page: "1", sample: "",
};
const state = { ...DEFAULTS };
const listeners = [];
const whenChanged = (act) => listeners.push(act);

const toHash = () => {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return new URLSearchParams(changed).toString();
};
const fromHash = () => {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return false; // a section's name
  const given = new URLSearchParams(hash);
  for (const key of Object.keys(DEFAULTS)) state[key] = given.get(key) ?? DEFAULTS[key];
  if (!runs.includes(state.run)) state.run = DEFAULTS.run;
  if (!runs.includes(state.versus)) state.versus = DEFAULTS.versus;
  return true;
};

let waiting = 0;
const saveHash = () => {
  clearTimeout(waiting); // browsers allow some hundred changes in a short time, and no more
  waiting = setTimeout(() => {
    const hash = toHash();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
  }, 200);
};
/** Changes the view; a filter leads back to its first page. */
const change = (changes) => {
  const filtered = Object.keys(changes).some((key) => key !== "page" && key !== "sample");
  Object.assign(state, filtered ? { page: "1" } : null, changes);
  saveHash();
  for (const act of listeners) act();
};
/** Shows the samples that a chart or table elsewhere on the page is about. */
const showSamples = (changes) => {
  const { run, versus } = state;
  change({ ...DEFAULTS, run, versus, ...changes });
  byId("samples").scrollIntoView();
  byId("samples").focus({ preventScroll: true });
};

/** What a reader prefers, from one page to the next. */
const remembered = {
  get: (key) => { try { return localStorage.getItem(`ontune-${key}`); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(`ontune-${key}`, value); } catch { /* a file's page may have no storage */ } },
};
