// Two towers, the layer and the operator that join them, and the accuracy of all of these over the same columns. Nothing is
// computed here: Python built every network, and says what each choice means.
import { h, mount, ownName, publish, timed } from "./kit.js";
import { makeNetwork } from "./fusion_network.js";
import { makeDots } from "./fusion_dots.js";

const whole = (count) => count.toLocaleString("en-US");
const COSTS = ["parameters", "multiply–adds"];

/** "F_s" → F with a small s below it. */
function formula(words) {
  return words.split(/_(.)/).map((part, k) => (k % 2 ? h("sub", {}, part) : part));
}

/** A radio button that looks like a button, with its words in `label`. */
function radio(group, value, words, choose) {
  const input = h("input", { class: "cover", type: "radio", name: group, value, onchange: () => choose(value) });
  return { input, label: h("label", {}, input, h("span", {}, words)) };
}

/** What the chosen one is called, its equation, what it costs and what it reaches. */
function makePanel(most) {
  const [name, equation, note] = ["name", "equation", "note"].map((kind) => h("p", { class: kind }));
  const bars = COSTS.map(() => h("i", { "aria-hidden": "true" }));
  const counts = COSTS.map(() => h("dd"));
  const [reaches, seeds] = ["reaches", "seeds"].map((kind) => h("dd", { class: kind }));
  const head = h("div", { class: "head" }, name, equation, note);
  const list = h("dl", {}, ...COSTS.flatMap((word, k) => [h("dt", {}, word), counts[k], bars[k]]));
  list.append(h("dt", {}, "accuracy"), reaches, seeds);
  function draw(at, how, view, [words, more]) {
    name.textContent = `${how} after ${at}`;
    equation.replaceChildren(...formula(words));
    note.replaceChildren(...formula(more));
    counts.forEach((count, k) => {
      count.textContent = view.costs ? whole(view.costs[k]) : "–";
      bars[k].style.visibility = view.costs ? "" : "hidden";
      bars[k].style.width = `${view.costs ? (100 * view.costs[k]) / most[k] : 0}%`;
    });
    [reaches.textContent, seeds.textContent] = view.reaches;
  }
  return { box: h("div", { class: "panel" }, head, list), draw };
}

/** Above the chart: what its height is, and which operators the dots of a column are. */
function makeOrder(groups) {
  const names = groups.map(([, those]) => those.map((how) => ({ how, box: h("span", { class: "one" }, how) })));
  const parts = groups.map(([name], k) => {
    const kind = k ? "curved" : "linear";
    const words = names[k].flatMap((each, n) => (n ? [", ", each.box] : [each.box]));
    return names[k].length ? h("span", { class: kind }, h("i", { class: `dot ${kind}` }), h("b", {}, name), " ", ...words) : "";
  });
  const line = h("span", { class: "line-of" }, "dots of a layer from left to right: ", ...parts);
  const box = h("p", { class: "order", "aria-hidden": "true" }, h("b", { class: "y-label" }, "accuracy"), line);
  const draw = (chosen) => names.flat().forEach(({ how, box }) => box.classList.toggle("chosen", how === chosen));
  return { box, draw };
}

async function render({ model, el }) {
  const get = (key) => model.get(key);
  const [sites, columns, groups, equations, views] = ["sites", "columns", "groups", "equations", "views"].map(get);
  const linear = groups[0][1];
  const kind = (how) => (linear.includes(how) || how === "mean" ? "linear" : "curved");
  const [layerGroup, operatorGroup] = [ownName(), ownName()];
  let at, how;
  /** What is looked at: scores are averaged, whatever the operator. */
  const key = () => [at, at === "scores" ? "mean" : how];

  const layers = sites.map((site) => radio(layerGroup, site, site, (value) => choose(value, how)));
  const operators = groups.map(([, names]) =>
    names.map((name) => radio(operatorGroup, name, name, (value) => choose(at, value))),
  );
  const none = h("p", { class: "none" }, "At the scores there is none to choose: two answers are averaged.");
  const fields = groups.map(([name], k) => {
    const sign = h("i", { class: `dot ${k ? "curved" : "linear"}`, "aria-hidden": "true" });
    return h("div", { class: "group" }, h("span", { class: "kind" }, sign, name), ...operators[k].map(({ label }) => label));
  });
  const choice = h("fieldset", { class: "operators" }, h("legend", {}, "operator"), ...fields, none);
  layers.forEach(({ label }, k) => (label.style.gridColumn = columns[sites[k]] + 1));
  const axis = h(
    "div",
    { class: "layers", role: "radiogroup", "aria-label": "fuse after" },
    h("span", { class: "name", "aria-hidden": "true" }, "fuse after"),
    ...layers.map(({ label }) => label),
  );
  const network = makeNetwork((layer) => sites.includes(layer) && choose(layer, how));
  const dots = makeDots({
    dots: get("dots"),
    lines: get("lines"),
    kind,
    choose: (site, operator) => choose(site, operator === "mean" ? how : operator),
  });
  const [raised, ticks] = get("beside");
  dots.plot.querySelectorAll(".grid span").forEach((tick, k) => (tick.hidden = !ticks.includes(50 * k)));
  dots.plot.querySelectorAll(".compare span").forEach((words, k) => words.style.setProperty("--raised", raised[k]));
  const order = makeOrder(groups);
  const dashed = get("lines").map(([name, , words]) => h("span", {}, h("b", {}, words), ` ${name}`));
  const lines = h("p", { class: "dashed", "aria-hidden": "true" }, "dashed: ", ...dashed);
  lines.hidden = order.box.hidden = dots.plot.hidden = get("dots").length === 0;
  lines.hidden ||= dashed.length === 0;
  const panel = makePanel(get("most"));
  const band = h("div", { class: "band", "aria-hidden": "true" });
  const [means, reaches] = [h("b"), h("span")];
  const said = h("p", { class: "said", "aria-live": "polite" }, means, " ", reaches);

  function draw() {
    const now = key();
    const view = views[now.join(" ")];
    network.draw(view);
    dots.draw(...now);
    order.draw(now[1]);
    panel.draw(...now, view, equations[now[1]]);
    band.style.left = `${(100 * columns[at]) / 7}%`;
    [means.textContent, reaches.textContent] = view.said;
    none.hidden = at !== "scores";
    for (const { input } of layers) input.checked = input.value === at;
    for (const { input, label } of operators.flat()) {
      input.checked = at !== "scores" && input.value === how;
      input.disabled = at === "scores";
      label.classList.toggle("missing", !(views[`${at} ${input.value}`]?.costs || at === "scores"));
    }
  }
  function choose(site, operator, tell = true) {
    if (!sites.includes(site) || (site === at && operator === how)) return;
    if (site !== "scores" && !(`${site} ${operator}` in views)) return;
    [at, how] = [site, operator];
    timed(el, draw);
    if (tell) publish(model, { at, how });
  }

  const legend = h(
    "p",
    { class: "legend", "aria-hidden": "true" },
    ...[
      ["what", "red"],
      ["how it moves", "right"],
      ["both together", "red right"],
    ].map(([words, mark]) => h("span", {}, h("i", { class: `mark ${mark}` }), words)),
  );
  const map = h("div", { class: "columns" }, band, network.box, axis, order.box, dots.plot, lines);
  const figure = h(
    "figure",
    { class: "explorer", "aria-label": get("alt") },
    groups.some(([, names]) => names.length) ? choice : "",
    map,
    h("div", { class: "side" }, panel.box, legend),
    said,
  );
  choose(get("at"), get("how"), false);
  for (const name of ["at", "how"]) model.on(`change:${name}`, () => choose(get("at"), get("how"), false));
  mount(el, figure, { caption: get("caption") });
}

export default { render };
