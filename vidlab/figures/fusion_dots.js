// The chart of FusionExplorer: a dot for each layer and operator, over the columns of the network. Circles are linear
// operators, diamonds the others. The chosen operator's dots are joined, with the spread of their seeds.
import { h, svg } from "./kit.js";
import { COLUMNS, across } from "./fusion_network.js";

const up = (share) => `${(100 * share).toFixed(2)}%`;

/** The chart; a press on it calls `choose(layer, operator)` of the nearest dot. `kind(operator)` names its shape. */
export function makeDots({ dots, lines, kind, choose }) {
  const path = svg("path");
  const line = svg("svg", { viewBox: `0 0 ${COLUMNS} 1`, preserveAspectRatio: "none" });
  line.append(path);
  const spreads = h("div", { class: "spreads" });
  const label = h("b", { class: "value" });
  const marks = dots.map(([at, how, x, mean, , , words]) => {
    const place = `left: ${across(x)}; bottom: ${up(mean)}`;
    return h("i", { class: `dot ${kind(how)}`, style: place, title: `${how} after ${at}: ${words}` });
  });
  const grid = [0, 0.5, 1].map((y) => h("div", { class: "grid", style: `bottom: ${up(y)}` }, h("span", {}, `${100 * y}\u202f%`)));
  const compare = lines.map(([name, y, words]) =>
    h("div", { class: "compare", style: `bottom: ${up(y)}` }, h("span", {}, name, h("b", {}, ` ${words}`))),
  );
  const plot = h("div", { class: "plot", "aria-hidden": "true" }, ...grid, ...compare, spreads, line, ...marks, label);
  plot.addEventListener("click", ({ clientX, clientY }) => {
    const far = marks.map((mark) => {
      const { left, right, top, bottom } = mark.getBoundingClientRect();
      return Math.hypot((left + right) / 2 - clientX, (top + bottom) / 2 - clientY);
    });
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] < 40) choose(...dots[nearest]);
  });
  function draw(at, how) {
    const along = dots.filter((dot) => dot[1] === how);
    path.setAttribute("d", along.map(([, , x, mean], k) => `${k ? "L" : "M"}${x + 0.5} ${1 - mean}`).join(""));
    line.setAttribute("class", `line ${kind(how)}`);
    spreads.replaceChildren(
      ...along.map(([, , x, , low, high]) =>
        h("i", { class: kind(how), style: `left: ${across(x)}; bottom: ${up(low)}; height: ${up(high - low)}` }),
      ),
    );
    dots.forEach((dot, k) => {
      marks[k].classList.toggle("along", dot[1] === how);
      marks[k].classList.toggle("now", dot[1] === how && dot[0] === at);
    });
    const now = along.find((dot) => dot[0] === at);
    label.hidden = !now;
    if (!now) return;
    label.textContent = now[6];
    label.className = `value ${now[3] > 0.8 ? "under" : ""}`;
    label.style.cssText = `left: ${across(now[2])}; bottom: ${up(now[3] > 0.8 ? now[4] : now[5])}`;
  }
  return { plot, draw };
}
