// Accuracy against cost: a plot with a point for each model (cost_map_plot.js), and what is known of the chosen one. All
// of it was computed in Python.
import { checkbox, dropdown, h, mount, publish, timed } from "./kit.js";
import { place } from "./cost_map_names.js";
import { makePlot, markerOf } from "./cost_map_plot.js";

async function render({ model, el }) {
  const get = (key) => model.get(key);
  const [names, families, family, says, links] = ["names", "families", "family", "says", "links"].map(get);
  const [questions, chance, costs] = ["questions", "chance", "costs"].map(get);
  const [share, shareWords, spendWords] = ["share", "shareWords", "spendWords"].map(get);
  const [seeds, order, fronts, told] = ["seeds", "order", "fronts", "told"].map(get);
  const at = { q: questions.indexOf(get("question")), c: costs.indexOf(get("cost")), k: names.indexOf(get("chosen")) };
  at.front = get("front");
  const drawn = () => order[at.q][at.c];
  const front = () => fronts[at.q][at.c];

  const marker = markerOf(get("shapes"));
  const plot = makePlot({ get, at, choose });

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
      plot.points[k].setAttribute("aria-label", `${names[k]}: ${shareWords[at.q][k]}, ${costs[at.c]} ${spendWords[at.q][at.c][k]}${ahead}`);
    });
    const rest = [...names.keys()].filter((k) => !drawn().includes(k));
    body.replaceChildren(...[...drawn(), ...rest].map((k) => lines[k]));
    plot.walk.setAttribute("aria-label", `${drawn().length} models, from cheap to dear; arrow keys walk`);
  }

  // choices -----------------------------------------------------------------------------------------------------------
  function show() {
    fillWords();
    fillPanels();
    mark();
    plot.show();
  }
  function mark() {
    plot.mark();
    names.forEach((_, k) => [panels[k].box, lines[k]].forEach((node) => node.classList.toggle("now", k === at.k)));
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
  let kept = false; // a pressed point stays chosen: the way to the link of its panel may lead over others
  function keep(on) {
    kept = on;
    hint.textContent = on ? "Kept. Press it again to let it go." : "Press a point to keep it.";
  }
  plot.map.addEventListener("pointermove", (event) => kept || choose(plot.meant(event)));
  plot.map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const k = plot.meant(event);
    event.preventDefault();
    keep(k >= 0 && !(kept && k === at.k));
    if (k < 0) return;
    choose(k);
    plot.points[k].focus({ preventScroll: true, focusVisible: false });
  });

  const asked = dropdown(questions, (q) => change({ q: Number(q) }));
  const paid = dropdown(costs, (c) => change({ c: Number(c) }));
  const line = checkbox("Pareto front", at.front, (on) => change({ front: on }));
  function choice(name, node) {
    node.setAttribute("aria-label", name);
    return h("label", {}, h("span", { class: "what" }, name), node);
  }
  const about = h("span", { class: "axes" });
  const figure = h(
    "figure",
    { class: "costs-of", "aria-label": get("alt") },
    h("div", { class: "choices" }, choice("question", asked), choice("cost", paid), line.row),
    h("div", { class: "stage" }, h("div", { class: "plot" }, h("div", { class: "caption" }, h("b", {}, "accuracy"), about), plot.map, plot.axis), aside),
    legend,
    h("div", { class: "told", "aria-live": "polite" }, ...said),
    details,
  );
  keep(false);
  mount(el, figure, { caption: get("caption") });
  change({}, false);
  plot.follow();
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
