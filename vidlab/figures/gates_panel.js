// The lines of Gates: a few quantities over time on one scale, each named at its end, under a cursor.
import { clamp, h, svg } from "./kit.js";

const APART = 17; // pixels between the labels of two lines
export const short = (value) => `${Number(value.toPrecision(2))}`.replace("-", "−");

/** Heights near those wanted, from 0 to `tall`, so that labels do not cover each other. As in gates_poster.py. */
function spread(wanted, tall) {
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]);
  const placed = order.map((k) => wanted[k]);
  for (let round = 0; round < 40; round++) {
    for (let k = 0; k + 1 < placed.length; k++) {
      const close = APART - (placed[k + 1] - placed[k]);
      if (close > 1e-9) [placed[k], placed[k + 1]] = [placed[k] - close / 2, placed[k + 1] + close / 2];
    }
    placed.forEach((each, k) => (placed[k] = clamp(each, 0, tall)));
  }
  return wanted.map((_, k) => placed[order.indexOf(k)]);
}

/** Lines over time on one scale, and a cursor with a dot on each line. */
export function makePanel(kind, members, count) {
  const last = Math.max(1, count - 1);
  const plot = svg("svg", { viewBox: `0 0 ${last} 1`, preserveAspectRatio: "none", role: "img" });
  const grid = [];
  for (const at of [0, 0.5, 1]) grid.push(`M0 ${at}H${last}`);
  for (let t = 0; t < count; t++) grid.push(`M${t} 0V1`);
  const zero = svg("path", { class: "zero" });
  plot.append(svg("path", { class: "grid", d: grid.join("") }), zero);
  const cursor = h("i", { class: "cursor" });
  const inner = h("div", { class: "inner" }, plot, cursor);
  const parts = members.map(({ name, words }) => {
    const path = svg("path", { class: "line", "data-of": name });
    const dot = h("i", { class: "dot", "data-of": name });
    const [symbol, rest] = [h("b"), h("span", {}, ` ${words.replace(" gate", "")}`)];
    const label = h("span", { class: "label", "data-of": name }, symbol, rest);
    plot.append(path);
    inner.append(dot);
    return { path, dot, label, symbol };
  });
  const ticks = [1, 0.5, 0].map(() => h("span"));
  const labels = h("div", { class: "labels" }, ...parts.map(({ label }) => label));
  const scale = h("div", { class: "ticks", "aria-hidden": "true" }, ...ticks);
  const box = h("div", { class: `panel ${kind}` }, scale, h("div", { class: "plot" }, inner), labels);
  let tall = 0; // known once it is on the page
  let shown = []; // for each line how far from the top it is, as a part of the panel's height; or null

  /** Numbers of each line, or null; the ends of the scale; and how each quantity is written. */
  function draw(lines, [low, top], written) {
    shown = lines.map((line) => line && line.map((v) => (top - v) / (top - low)));
    zero.setAttribute("d", `M0 ${top / (top - low)}H${last}`);
    parts.forEach(({ path, label, dot, symbol }, k) => {
      for (const part of [path, label, dot]) part.style.display = shown[k] ? "" : "none";
      if (!shown[k]) return;
      const steps = shown[k].map((y, t) => `${t ? "L" : "M"}${t} ${y.toFixed(4)}`);
      path.setAttribute("d", steps.join("") + (count > 1 ? "" : `H${last}`));
      symbol.textContent = written[k];
    });
    const there = parts.filter((_, k) => shown[k]);
    tall ||= box.clientHeight;
    const heights = spread(shown.filter(Boolean).map((ys) => ys[count - 1] * tall), tall);
    there.forEach(({ label }, k) => (label.style.top = `${heights[k].toFixed(1)}px`));
    ticks.forEach((tick, k) => (tick.textContent = short(top - (k * (top - low)) / 2)));
  }
  function move(t) {
    cursor.style.left = `${(t / last) * 100}%`;
    parts.forEach(({ dot }, k) => {
      if (shown[k]) Object.assign(dot.style, { left: `${(t / last) * 100}%`, top: `${shown[k][t] * 100}%` });
    });
  }
  return { box, inner, plot, draw, move };
}
