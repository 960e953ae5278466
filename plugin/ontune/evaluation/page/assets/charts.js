// Inline SVG. A chart is a picture to a screen reader: its label says what it shows, and a table has its numbers.
const picture = (label, width, height, properties, ...children) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, ...properties }, ...children);

/** A value from 0 to 1 with its interval; `ticks` are further values to compare with. */
const bar = (value, low, high, { ticks = [], goal = null, label = "" } = {}) => {
  if (!isShare(value)) return null;
  const x = (share) => 2 + 96 * Math.min(1, Math.max(0, share));
  const known = isNumber(low) && isNumber(high);
  const title = `${label} ${format(value)}${known ? `, between ${format(low)} and ${format(high)}` : ""}`.trim();
  return picture(
    title, 100, 12, { class: "ci", preserveAspectRatio: "none" },
    svg("rect", { class: "track", x: 2, y: 5, width: 96, height: 2 }),
    svg("rect", { class: "value", x: 2, y: 4, width: x(value) - 2, height: 4 }),
    known && svg("rect", { class: "range", x: x(low), y: 1.5, width: Math.max(0.6, x(high) - x(low)), height: 9 }),
    ticks.map((tick) => isShare(tick) && svg("rect", { class: "tick", x: x(tick) - 0.4, y: 1, width: 0.8, height: 10 })),
    isShare(goal) && svg("rect", { class: "goal", x: x(goal) - 0.5, y: 0, width: 1, height: 12 }),
    svg("rect", { class: "dot", x: x(value) - 0.7, y: 1.5, width: 1.4, height: 9 }),
  );
};

const PLOT = { width: 320, height: 240, left: 46, right: 12, top: 12, bottom: 38 };
const plotX = (share) => PLOT.left + share * (PLOT.width - PLOT.left - PLOT.right);
const plotY = (share) => PLOT.height - PLOT.bottom - share * (PLOT.height - PLOT.top - PLOT.bottom);
const text = (x, y, content, properties) => svg("text", { x, y, ...properties }, content);
const line = (points, properties) =>
  svg("polyline", { points: points.map(([x, y]) => `${plotX(x).toFixed(1)},${plotY(y).toFixed(1)}`).join(" "), ...properties });

/** A square of 0 to 1 with grid and axis names; the children are drawn in it. */
const plot = (label, across, up, names, ...children) => {
  const marks = [0, 0.25, 0.5, 0.75, 1];
  return picture(
    label, PLOT.width, PLOT.height, { class: "plot" },
    marks.map((at) => [
      line([[at, 0], [at, 1]], { class: "grid" }),
      line([[0, at], [1, at]], { class: "grid" }),
      text(plotX(at), plotY(0) + 14, names ? names(at) : at, { "text-anchor": "middle" }),
      text(plotX(0) - 6, plotY(at) + 3.5, at, { "text-anchor": "end" }),
    ]),
    text(plotX(0.5), PLOT.height - 6, across, { "text-anchor": "middle" }),
    text(12, plotY(0.5), up, { "text-anchor": "middle", transform: `rotate(-90 12 ${plotY(0.5)})` }),
    children,
  );
};

const polar = (radius, turn) => [radius * Math.sin(turn * 2 * Math.PI), -radius * Math.cos(turn * 2 * Math.PI)];
/** The outline of a ring's part, from one turn to another (0 to 1). */
const arc = (inner, outer, from, to) => {
  const end = Math.min(to, from + 0.9999);
  const large = end - from > 0.5 ? 1 : 0;
  const [a, b, c, d] = [polar(outer, from), polar(outer, end), polar(inner, end), polar(inner, from)].map((point) =>
    point.map((number) => number.toFixed(2)).join(" "));
  return `M${a}A${outer} ${outer} 0 ${large} 1 ${b}L${c}A${inner} ${inner} 0 ${large} 0 ${d}Z`;
};
