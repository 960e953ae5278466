// The start: what the address asks for, then every part.
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const applyTheme = (theme) => {
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String((theme ?? (prefersDark.matches ? "dark" : "light")) === "dark"));
};
const buildTheme = () => {
  applyTheme(remembered.get("theme"));
  prefersDark.addEventListener("change", () => applyTheme(remembered.get("theme")));
  byId("theme").addEventListener("click", () => {
    const theme = byId("theme").getAttribute("aria-pressed") === "true" ? "light" : "dark";
    remembered.set("theme", theme);
    applyTheme(theme);
  });
};
const buildSections = () => byId("sections").append(
  ...[...document.querySelectorAll("main > section:not([hidden])")].map((part) => el("li", null, el("a", { href: `#${part.id}` }, part.querySelector("h2").textContent))),
);

buildTheme();
fromHash();
for (const draw of [drawSummary, drawLabels, drawConfusion, drawCalibration, drawThresholds, drawSlices]) draw();
buildSamples();
buildDetail();
buildKeys();
buildSections();
whenChanged(drawSamples);
drawSamples();
openNamed();
addEventListener("hashchange", () => {
  if (!fromHash()) return;
  drawSamples();
  openNamed();
});
document.documentElement.dataset.ready = "1";
