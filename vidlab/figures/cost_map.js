// Accuracy against cost: a point for each model, which glides to its new place when question or cost change. What is
// shown was computed in Python; here it is drawn, and names find their places (cost_map_names.js).
import { calm, checkbox, clamp, dropdown, h, mount, publish, svg, timed } from "./kit.js";
import { NO_LINE, place } from "./cost_map_names.js";

const [LOWEST, HIGHEST] = [-0.04, 1.1]; // of the axis of accuracy, as in cost_map_poster.py
const RADIUS = 7; // of a marker, in pixels
const PAD = { left: 46, right: 12, top: 4, bottom: 28 }; // around the plot
const GLIDE = 800; // ms
const REACH = 28; // pixels from a point in which the pointer means it

async function render({ model, el }) {
  const get = (key) => model.get(key);
  const [names, families, shapes, family, says, links] = ["names", "families", "shapes", "family", "says", "links"].map(get);
  const [questions, chance, costs, words, scales] = ["questions", "chance", "costs", "words", "scales"].map(get);
  const [share, shareWords, spend, spendWords] = ["share", "shareWords", "spend", "spendWords"].map(get);
  const [seeds, order, fronts, told] = ["seeds", "order", "fronts", "told"].map(get);
  const at = { q: questions.indexOf(get("question")), c: costs.indexOf(get("cost")), k: names.indexOf(get("chosen")) };
  at.front = get("front");
  const drawn = () => order[at.q][at.c];
  const front = () => fronts[at.q][at.c];

  /** The marker of a family, in a drawing of its own. */
  function marker(f) {
    const d = `M${shapes[f].map(([x, y]) => `${x * RADIUS} ${y * RADIUS}`).join("L")}Z`;
    const box = svg("svg", { class: "marker", viewBox: "-10 -10 20 20", width: 20, height: 20, "aria-hidden": "true" });
    box.append(svg("path", { d, "data-family": f }));
    return box;
  }

  // the plot ----------------------------------------------------------------------------------------------------------
  const [grid, chanceLine, step, leads, bars] = ["grid", "chance", "front", "leads", "bars"].map((kind) => svg("path", { class: kind }));
  const drawing = svg("svg", { class: "drawing", "aria-hidden": "true" });
  drawing.append(grid, chanceLine, step, leads, bars);
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
    const far = each.filter(({ x, y, end }) => Math.hypot(end[0] - x, end[1] - y) > NO_LINE + RADIUS);
    leads.setAttribute("d", far.map(({ x, y, end }) => `M${x} ${y}L${end[0]} ${end[1]}`).join(""));
    const line = front().map((k) => where.get(k));
    const path = line.map(({ x, y }, i) => (i ? `H${x}V${y}` : `M${x} ${y}`)).join("");
    step.setAttribute("d", at.front && line.length ? `${path}H${w}` : "");
    shown = { where, level, left };
  }
  /** From what is shown to `to`: who stays glides, who comes or goes fades. */
  function glide(to) {
    const mine = ++run;
    const from = shown;
    if (!from || calm()) return draw(to, true);
    const start = performance.now();
    const mix = (a, b, f) => a + f * (b - a);
    function frame(now) {
      if (mine !== run || !el.isConnected) return;
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

  // what is known of a model ------------------------------------------------------------------------------------------
  const anchors = new Map([...el.querySelectorAll("a[data-model]")].map((node) => [Number(node.dataset.model), node]));
  const panels = names.map((name, k) => {
    const [href, lesson] = links[k];
    const [value, list] = [h("p", { class: "value" }), h("dl")];
    const link = href && (anchors.get(k) ?? h("a", { href, target: "_blank", rel: "noopener" }, lesson));
    const title = h("p", { class: "title" }, marker(family[k]), h("b", {}, name));
    const sees = says[k] ? [h("p", { class: "says" }, says[k])] : [];
    const proof = link ? [h("p", { class: "proof" }, "Shown in ", link)] : [];
    const box = h("div", { class: "panel" }, title, h("p", { class: "family" }, families[family[k]]), value, list, ...sees, ...proof);
    return { box, value, list };
  });
  const hint = h("p", { class: "hint" });
  const aside = h("div", { class: "panels", role: "group", "aria-label": "the chosen model" }, ...panels.map(({ box }) => box), hint);
  function fillPanels() {
    panels.forEach(({ value, list }, k) => {
      const [mean, spread] = shareWords[at.q][k].split(" (");
      value.replaceChildren(h("b", {}, mean), share[at.q][k] ? ` ${questions[at.q]}` : "");
      if (spread) value.append(h("span", { class: "spread" }, `seeds: ${spread.replace(")", "")}\u00a0%`));
      const pairs = costs.flatMap((cost, c) => [h("dt", {}, cost), h("dd", {}, spendWords[at.q][c][k])]);
      list.replaceChildren(...pairs);
    });
  }

  // words and numbers -------------------------------------------------------------------------------------------------
  const said = [h("p"), h("p")];
  const legend = h(
    "ul",
    { class: "legend", "aria-label": "families of models" },
    ...[...new Set(family)].sort((a, b) => a - b).map((f) => h("li", {}, marker(f), families[f])),
  );
  const head = h("thead");
  const body = h("tbody");
  const label = h("caption");
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "numbers" }, h("table", {}, label, head, body));
  const details = h("details", {}, h("summary", {}, "All numbers of this question"), scroll);
  const headings = ["model", "family", "accuracy", ...costs].map((text) => h("th", { scope: "col" }, text));
  head.append(h("tr", {}, ...headings));
  const lines = names.map((name) => h("tr", {}, h("th", { scope: "row" }, name)));
  function fillWords() {
    said.forEach((node, i) => (node.textContent = told[at.q][at.c][i]));
    about.textContent = `mean of ${seeds[at.q]}, bar from the lowest to the highest`;
    label.textContent = `${questions[at.q]}: chance ${+(100 * chance[at.q]).toFixed(1)} %; mean of ${seeds[at.q]} (lowest–highest); by ${costs[at.c]}`;
    names.forEach((_, k) => {
      const cells = [families[family[k]], shareWords[at.q][k], ...costs.map((_, c) => spendWords[at.q][c][k])];
      lines[k].replaceChildren(lines[k].firstChild, ...cells.map((text) => h("td", {}, text)));
      const ahead = front().includes(k) ? ", on the front" : "";
      points[k].setAttribute("aria-label", `${names[k]}: ${shareWords[at.q][k]}, ${costs[at.c]} ${spendWords[at.q][at.c][k]}${ahead}`);
      labels[k].classList.toggle("ahead", front().includes(k));
    });
    const rest = [...names.keys()].filter((k) => !drawn().includes(k));
    body.replaceChildren(...[...drawn(), ...rest].map((k) => lines[k]));
    walk.setAttribute("aria-label", `${drawn().length} models, from cheap to dear; arrow keys walk`);
  }

  // choices -----------------------------------------------------------------------------------------------------------
  function show() {
    drawAxes();
    fillWords();
    fillPanels();
    mark();
    names.forEach((_, k) => (labels[k].hidden = false)); // to be measured
    glide(layout());
  }
  /** The chosen model, in plot, panel and table; the keyboard enters at its point, or at the first if it has none. */
  function mark() {
    const entry = drawn().includes(at.k) ? at.k : drawn()[0];
    names.forEach((_, k) => {
      points[k].tabIndex = k === entry ? 0 : -1;
      points[k].setAttribute("aria-current", k === at.k);
      for (const node of [labels[k], panels[k].box, lines[k]]) node.classList.toggle("now", k === at.k);
    });
  }
  function choose(k, tell = true) {
    if (k === at.k || k < 0) return;
    at.k = k;
    timed(el, mark);
    if (tell) publish(model, { chosen: names[k] });
  }
  function change(to, tell = true) {
    Object.assign(at, to);
    [asked.value, paid.value, line.input.checked] = [at.q, at.c, at.front];
    timed(el, show);
    if (tell) publish(model, { question: questions[at.q], cost: costs[at.c], front: at.front });
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
  let kept = false; // a pressed point stays chosen: the way to the link of its panel may lead over others
  function keep(on) {
    kept = on;
    hint.textContent = on ? "Kept. Press it again to let it go." : "Press a point to keep it.";
  }
  map.addEventListener("pointermove", (event) => kept || choose(meant(event)));
  map.addEventListener("pointerdown", (event) => {
    const k = meant(event);
    event.preventDefault();
    keep(k >= 0 && !(kept && k === at.k));
    if (k < 0) return;
    choose(k);
    points[k].focus({ preventScroll: true, focusVisible: false });
  });

  const asked = dropdown(questions, (q) => change({ q: Number(q) }));
  const paid = dropdown(costs, (c) => change({ c: Number(c) }));
  const line = checkbox("Pareto’s front", at.front, (on) => change({ front: on }));
  function choice(name, node) {
    node.setAttribute("aria-label", name);
    return h("label", {}, h("span", { class: "what" }, name), node);
  }
  const about = h("span", { class: "axes" });
  const figure = h(
    "figure",
    { class: "costs-of", "aria-label": get("alt") },
    h("div", { class: "choices" }, choice("question", asked), choice("cost", paid), line.row),
    h("div", { class: "stage" }, h("div", { class: "plot" }, h("div", { class: "caption" }, h("b", {}, "accuracy"), about), map, axis), aside),
    legend,
    h("div", { class: "told", "aria-live": "polite" }, ...said),
    details,
  );
  keep(false);
  mount(el, figure, { caption: get("caption") });
  change({}, false);
  let size = inner().join();
  new ResizeObserver(() => {
    if (inner().join() === size || !map.clientWidth) return;
    size = inner().join();
    run++; // no glide: everything is somewhere else
    shown = null;
    show();
  }).observe(map);
  for (const [key, list, name] of [["question", questions, "q"], ["cost", costs, "c"]]) {
    model.on(`change:${key}`, () => {
      const to = list.indexOf(get(key));
      if (to >= 0 && to !== at[name]) change({ [name]: to }, false);
    });
  }
  model.on("change:front", () => get("front") !== at.front && change({ front: Boolean(get("front")) }, false));
  model.on("change:chosen", () => choose(names.indexOf(get("chosen")), false));
  el.place = place; // for tests
}

export default { render };
