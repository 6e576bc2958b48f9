// The plot of CostMap: points, bars, front and names, and how they glide from one question to the next. What is shown
// was computed in Python; here it is drawn, and names find their places (cost_map_names.js).
import { calm, clamp, h, svg } from "./kit.js";
import { NO_LINE, place } from "./cost_map_names.js";

const [LOWEST, HIGHEST] = [-0.04, 1.1]; // of the axis of accuracy, as in cost_map_poster.py
const RADIUS = 7; // of a marker, in pixels
const PAD = { left: 46, right: 12, top: 4, bottom: 28 }; // around the plot
const GLIDE = 800; // ms
const REACH = 28; // pixels from a point in which the pointer means it

/** Draws the marker of a family, of these shapes, in a drawing of its own. */
export const markerOf = (shapes) => (f) => {
  const d = `M${shapes[f].map(([x, y]) => `${x * RADIUS} ${y * RADIUS}`).join("L")}Z`;
  const box = svg("svg", { class: "marker", viewBox: "-10 -10 20 20", width: 20, height: 20, "aria-hidden": "true" });
  box.append(svg("path", { d, "data-family": f }));
  return box;
};

/**
 * The plot. at: { q, c, k, front }, the question, cost and model that are chosen, and whether the front is drawn;
 * choose(k): another model. After a change of `at`: show(), or mark() where it is only the model.
 */
export function makePlot({ get, at, choose }) {
  const [names, family, chance, words, scales] = ["names", "family", "chance", "words", "scales"].map(get);
  const [share, spend, order, fronts] = ["share", "spend", "order", "fronts"].map(get);
  const marker = markerOf(get("shapes"));
  const drawn = () => order[at.q][at.c];
  const front = () => fronts[at.q][at.c];

  const kinds = ["grid", "chance", "front", "leads", "lead", "bars"];
  const [grid, chanceLine, step, leads, lead, bars] = kinds.map((kind) => svg("path", { class: kind }));
  const drawing = svg("svg", { class: "drawing", "aria-hidden": "true" });
  drawing.append(grid, chanceLine, step, leads, lead, bars);
  const guess = h("span", { class: "guess", "aria-hidden": "true" });
  const marks = h("div", { class: "marks", "aria-hidden": "true" });
  const axis = h("div", { class: "axis", "aria-hidden": "true" });
  const labels = names.map((name) => h("span", { class: "name", "aria-hidden": "true" }, name));
  const points = names.map((name, k) =>
    h("button", { type: "button", class: "point", tabindex: -1, onfocus: () => choose(k), onclick: () => choose(k) }, marker(family[k])),
  );
  const walk = h("div", { class: "points", role: "group", onkeydown: walkByKey }, ...points);
  const map = h("div", { class: "map" }, drawing, marks, guess, ...labels, walk);

  const inner = () => [map.clientWidth - PAD.left - PAD.right, map.clientHeight - PAD.top - PAD.bottom];
  const across = (cost) => (Math.log10(cost) - scales[at.c].low) / (scales[at.c].high - scales[at.c].low);
  const down = (value) => (HIGHEST - value) / (HIGHEST - LOWEST);

  /** Where everything belongs: of each drawn model its point, the ends of its bar, and the place of its name. */
  function layout() {
    const [w, tall] = inner();
    const where = new Map(
      drawn().map((k) => {
        const [mean, low, high] = share[at.q][k];
        const x = across(spend[at.q][at.c][k]) * w;
        return [k, { x, y: down(mean) * tall, top: down(high) * tall, bottom: down(low) * tall }];
      }),
    );
    const level = down(chance[at.q]) * tall;
    guess.textContent = `chance ${+(100 * chance[at.q]).toFixed(1)}\u00a0%`;
    const edges = [...where.values()].map(({ x, top, bottom }) => [x, top, x, bottom]);
    edges.push([0, level, w, level]);
    if (at.front) edges.push(...steps(where, w));
    const spots = drawn().map((k) => [where.get(k).x, where.get(k).y]);
    const sizes = drawn().map((k) => [labels[k].offsetWidth, labels[k].offsetHeight]);
    const spot = chanceSpot(spots, w, level);
    place(spots, sizes, [spot], edges, [w, tall], RADIUS).forEach(({ centre, end }, i) => {
      Object.assign(where.get(drawn()[i]), { centre, end });
    });
    return { where, level, left: spot[0] };
  }
  /** Where the word on chance stands, below its line: at the left, or at the right where a marker is in its way. */
  function chanceSpot(spots, w, level) {
    const [wide, high] = [guess.offsetWidth + 8, guess.offsetHeight + 2];
    const near = (value, from, to) => value > from - RADIUS && value < to + RADIUS;
    const hit = (left) => spots.some(([x, y]) => near(x, left, left + wide) && near(y, level, level + high));
    const left = hit(0) && !hit(w - wide) ? w - wide : 0;
    return [left, level, left + wide, level + high];
  }
  /** The level and upright parts of the front, [left, top, right, bottom]. */
  function steps(where, right) {
    const line = front().map((k) => where.get(k));
    return line.flatMap(({ x, y }, i) => {
      const next = line[i + 1];
      return next ? [[x, y, next.x, y], [next.x, next.y, next.x, y]] : [[x, y, right, y]];
    });
  }

  let shown = null; // what is on the screen now: as layout gives it, with the share of what is faded in
  let run = 0; // a new glide ends an older one
  /** Draw points, bars and names there; leading lines and the front only where nothing moves. */
  function draw({ where, level, left }, still) {
    const [w] = inner();
    const move = (node, x, y) => (node.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px) translate(-50%, -50%)`);
    names.forEach((_, k) => {
      const now = where.get(k);
      points[k].hidden = labels[k].hidden = !now;
      if (!now) return;
      move(points[k], now.x, now.y);
      move(labels[k], ...now.centre);
      points[k].style.opacity = labels[k].style.opacity = now.fade ?? 1;
    });
    const each = [...where.values()];
    bars.setAttribute("d", each.map(({ x, top, bottom }) => `M${x} ${top}V${bottom}`).join(""));
    chanceLine.setAttribute("d", `M0 ${level}H${w}`);
    guess.style.transform = `translate(${left + 4}px, ${level + 1}px)`;
    map.classList.toggle("moving", !still);
    if (!still) return;
    leads.setAttribute("d", each.map(leadOf).join(""));
    const line = front().map((k) => where.get(k));
    const path = line.map(({ x, y }, i) => (i ? `H${x}V${y}` : `M${x} ${y}`)).join("");
    step.setAttribute("d", at.front && line.length ? `${path}H${w}` : "");
    shown = { where, level, left };
    drawLead();
  }
  /** The line from a point to its name, if that is far. */
  function leadOf({ x, y, end }) {
    return Math.hypot(end[0] - x, end[1] - y) > NO_LINE + RADIUS ? `M${x} ${y}L${end[0]} ${end[1]}` : "";
  }
  /** The line of the chosen model stands out. */
  function drawLead() {
    const now = shown?.where.get(at.k);
    lead.setAttribute("d", now?.end ? leadOf(now) : "");
  }
  /** From what is shown to `to`: who stays glides, who comes or goes fades. */
  function glide(to) {
    const mine = ++run;
    const from = shown;
    if (!from || calm()) return draw(to, true);
    const start = performance.now();
    const mix = (a, b, f) => a + f * (b - a);
    function frame(now) {
      if (mine !== run || !map.isConnected) return;
      const f = clamp((now - start) / GLIDE, 0, 1);
      if (f === 1) return draw(to, true);
      const s = f * f * (3 - 2 * f);
      const where = new Map();
      for (const k of names.keys()) {
        const [a, b] = [from.where.get(k), to.where.get(k)];
        if (!a && !b) continue;
        const [p, q] = [a ?? b, b ?? a];
        const between = Object.fromEntries(["x", "y", "top", "bottom"].map((key) => [key, mix(p[key], q[key], s)]));
        between.centre = [0, 1].map((n) => mix(p.centre[n], q.centre[n], s));
        between.fade = mix(a ? (a.fade ?? 1) : 0, b ? 1 : 0, s);
        where.set(k, between);
      }
      shown = { where, level: mix(from.level, to.level, s), left: mix(from.left, to.left, s) }; // a new choice sets out from here
      draw(shown, false);
      requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
  }

  /** The scales, and their names. */
  function drawAxes() {
    const [w, tall] = inner();
    const rows = [0, 0.25, 0.5, 0.75, 1];
    const { ticks } = scales[at.c];
    drawing.setAttribute("width", w);
    drawing.setAttribute("height", tall);
    const level = rows.map((value) => `M0 ${down(value) * tall}H${w}`);
    grid.setAttribute("d", [...level, ...ticks.map(([cost]) => `M${across(cost) * w} 0V${tall}`)].join(""));
    const beside = rows.map((value) => h("span", { class: "up", style: `top: ${down(value) * tall}px` }, value === 1 ? "100\u202f%" : 100 * value));
    let free = -Infinity; // where the last of the numbers below ends
    const below = ticks.map(([cost, text]) => h("span", { class: "along", style: `left: ${across(cost) * w}px` }, text));
    marks.replaceChildren(...beside, ...below);
    for (const [i, mark] of below.entries()) {
      const x = across(ticks[i][0]) * w;
      mark.hidden = x - mark.offsetWidth / 2 < free + 6;
      if (!mark.hidden) free = x + mark.offsetWidth / 2;
    }
    axis.textContent = `${words[at.c]} (logarithmic)`;
  }

  function show() {
    drawAxes();
    names.forEach((_, k) => (labels[k].hidden = false)); // to be measured
    glide(layout());
  }
  /** The chosen model; the keyboard enters at its point, or at the first if it has none. */
  function mark() {
    const entry = drawn().includes(at.k) ? at.k : drawn()[0];
    names.forEach((_, k) => {
      points[k].tabIndex = k === entry ? 0 : -1;
      points[k].setAttribute("aria-current", k === at.k);
      labels[k].classList.toggle("now", k === at.k);
      labels[k].classList.toggle("ahead", front().includes(k));
    });
    drawLead();
  }
  function walkByKey(event) {
    const list = drawn();
    const here = list.indexOf(at.k);
    const to = { ArrowRight: here + 1, ArrowUp: here + 1, ArrowLeft: here - 1, ArrowDown: here - 1, Home: 0, End: list.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    points[list[clamp(to, 0, list.length - 1)]].focus();
  }
  /** The model that the pointer means: the one of the name under it, else the nearest within reach. */
  function meant(event) {
    const name = labels.indexOf(event.target);
    if (name >= 0) return name;
    const r = map.getBoundingClientRect();
    const [x, y] = [event.clientX - r.left - PAD.left, event.clientY - r.top - PAD.top];
    const far = (k) => Math.hypot(shown.where.get(k).x - x, shown.where.get(k).y - y);
    const near = drawn().filter((k) => shown.where.has(k)).sort((a, b) => far(a) - far(b))[0];
    return near !== undefined && far(near) <= REACH ? near : -1;
  }
  /** Draw anew, without a glide, when the plot has another size. */
  function follow() {
    let size = inner().join();
    new ResizeObserver(() => {
      if (inner().join() === size || !map.clientWidth) return;
      size = inner().join();
      run++; // ends a glide
      shown = null;
      show();
    }).observe(map);
  }
  return { map, axis, points, walk, show, mark, meant, follow };
}
