// The time battery: a clip as it was beside itself with its time spoiled, and what several models make of both. A bar is
// the probability now; its outline the probability of the clip as it was. Nothing is computed here: Python asked the
// models once, and sends their answers and what follows from them.
import { clamp, h, mount, openSprite, ownName, player, publish, slider, timed, view } from "./kit.js";

const SIGNS = { first: "", same: "=", kept: "≈", changed: "≠" };
const MARKS = "“=”: no probability moves (≤ 1e-6). “0\u202f%”: probabilities move, no decision changes.";
const percent = (share) => `${(100 * share).toFixed(2)}%`;

const truthOf = ({ names, true: row }) => (row === null ? "" : ` · true class: ${names[row]}`);

/** A picture with the numbers of its frames below it: `set(order)`, then `show(t)`. */
function screen(sprite, name) {
  const { box, canvas, context } = view(sprite.width, sprite.height, name);
  box.style.aspectRatio = `${sprite.source[2]} / ${sprite.source[1]}`;
  const [title, numbers] = [h("b", {}, name), h("p", { class: "numbers" })];
  const part = h("div", { class: "screen" }, h("div", { class: "caption" }, title), box, numbers);
  let frames = [];
  function set(name, order, label) {
    frames = order;
    title.textContent = name;
    const labels = order.map(label);
    canvas.setAttribute("aria-label", `${name}: frames ${labels.join(" ")}`);
    numbers.replaceChildren(...labels.map((text) => h("span", {}, text)));
  }
  function show(t) {
    context.putImageData(sprite.frame(frames[t]), 0, 0);
    [...numbers.children].forEach((span, i) => span.classList.toggle("now", i === t));
  }
  return { part, set, show };
}

/** The bars of one model; `set` gives it the rows of another example, `show` another trial. */
function panel(name) {
  const [verdict, list] = [h("p", { class: "verdict" }), h("ul", { class: "bars" })];
  const part = h("div", { class: "panel", role: "group", "aria-label": name }, h("b", {}, name), list, verdict);
  let rows = [];
  function set(names, before, truth) {
    if (rows.length !== names.length) {
      rows = names.map(() => {
        const [label, value] = ["name", "value"].map((kind) => h("span", { class: kind }));
        const [bar, ghost] = ["bar", "ghost"].map((kind) => h("i", { class: kind }));
        const row = h("li", {}, label, h("span", { class: "track" }, bar, ghost), value);
        return { row, label, bar, ghost, value };
      });
      list.replaceChildren(...rows.map(({ row }) => row));
    }
    rows.forEach((each, k) => {
      each.label.textContent = names[k];
      if (k === truth) each.label.append(h("span", { class: "unseen" }, ", the true class"));
      each.row.classList.toggle("true", k === truth);
      each.ghost.style.width = percent(before[k]);
    });
  }
  function show(p, top, [kind, words]) {
    rows.forEach(({ row, bar, value }, k) => {
      bar.style.width = percent(p[k]);
      value.textContent = p[k].toFixed(2);
      row.classList.toggle("most", k === top);
    });
    part.dataset.kind = kind;
    verdict.replaceChildren(h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]), words);
  }
  return { part, set, show };
}

/** Models down, trials across: how many decisions change. A cell chooses its trial. */
function matrix({ models, trials, flips, same, right, n, choose }) {
  const cell = (m, k) => {
    const [text, words] =
      k === 0
        ? [percentOf(right[m]), `correct: ${right[m]} of ${n}`]
        : same[m][k]
          ? ["=", "exactly unchanged"]
          : [percentOf(flips[m][k]), `decisions that change: ${flips[m][k]} of ${n}`];
    const button = h("button", { type: "button", title: words, onfocus: () => choose(k), onclick: () => choose(k) }, text);
    button.append(h("span", { class: "unseen" }, ` ${words}; show ${trials[k]}`));
    const share = k === 0 || same[m][k] ? 0 : flips[m][k] / n;
    const kind = k === 0 ? "first" : same[m][k] ? "same" : flips[m][k] ? "changed" : "kept";
    return h("td", { "data-kind": kind, style: `--share: ${percent(share)}` }, button);
  };
  const percentOf = (count) => `${Math.round((100 * count) / n)}\u202f%`;
  const shown = trials.map((_, k) => k).filter((k) => k || right);
  const rest = trials.length - 1;
  const groups = h("tr", {}, h("td", { rowspan: 2 }));
  if (right) groups.append(h("th", { scope: "col", class: "group" }, "correct"));
  groups.append(h("th", { scope: "colgroup", colspan: rest, class: "group" }, "decisions that change"));
  const heads = shown.map((k) => h("th", { scope: "col" }, trials[k]));
  const body = models.map((name, m) => h("tr", {}, h("th", { scope: "row" }, name), ...shown.map((k) => cell(m, k))));
  const table = h(
    "table",
    {},
    h("caption", {}, `Over ${n} example${n > 1 ? "s" : ""}. ${MARKS}`),
    h("thead", {}, groups, h("tr", {}, ...heads)),
    h("tbody", {}, ...body),
  );
  function show(trial) {
    shown.forEach((k, column) => {
      heads[column].classList.toggle("now", k === trial);
      for (const row of body) row.children[column + 1].classList.toggle("now", k === trial);
    });
  }
  return { part: h("div", { class: "matrix" }, table), show };
}

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const [trials, models, count, examples] = ["trials", "models", "frames", "examples"].map((key) => model.get(key));
  const n = examples.length;
  const [screens, panels] = [[trials[0], ""].map((name) => screen(sprite, name)), models.map(panel)];
  const table = matrix({
    ...Object.fromEntries(["flips", "same", "right"].map((key) => [key, model.get(key)])),
    models,
    trials,
    n,
    choose: (k) => setTrial(k),
  });
  let example, trial, t;

  const label = (index) => {
    const k = index - example * count;
    return k >= 0 && k < count ? k : "*"; // a frame that the original has not
  };
  const frames = () => timed(el, () => screens.forEach(({ show }) => show(t)));
  function answers() {
    const { p, top, verdicts, order } = examples[example];
    screens[1].set(trials[trial], order[trial], label);
    panels.forEach(({ show }, m) => show(p[m][trial], top[m][trial], verdicts[m][trial]));
    screens[1].show(t);
  }
  function mark() {
    table.show(trial);
    key.textContent = trials[trial];
    radios[trial].checked = true;
  }

  const time = slider({
    name: "frame t",
    kind: "t",
    last: count - 1,
    text: (i) => `${i} (0–${count - 1})`,
    oninput: (i) => setTime(i),
  });
  const which = slider({
    name: "example",
    last: n - 1,
    text: (i) => `${i + 1} of ${n}${truthOf(examples[i])}`,
    oninput: (i) => setExample(i),
  });
  const play = player({ count, fps: sprite.fps, get: () => t, show: (i) => setTime(i) });

  const group = ownName();
  const radios = trials.map((name, k) => h("input", { class: "cover", type: "radio", name: group, value: name, onchange: () => setTrial(k) }));
  const choice = h(
    "fieldset",
    { class: "trials" },
    h("legend", {}, "trial"),
    ...trials.map((name, k) => h("label", {}, radios[k], h("span", {}, name))),
  );
  const key = h("span");
  const legend = h(
    "p",
    { class: "legend" },
    h("span", {}, h("i", { class: "bar" }), key),
    h("span", {}, h("i", { class: "ghost" }), trials[0]),
  );
  if (examples[0].true !== null) legend.append(h("span", { class: "true" }, "the true class"));

  function setTime(i, tell = true) {
    i = clamp(Math.round(i), 0, count - 1);
    if (i === t) return;
    t = i;
    frames();
    time.set(t);
    if (tell) publish(model, { t });
  }
  function setTrial(k, tell = true) {
    if (k === trial || !(k in trials)) return;
    trial = k;
    timed(el, () => (answers(), mark()));
    if (tell) publish(model, { trial: trials[k] });
  }
  function setExample(i, tell = true) {
    i = clamp(Math.round(i), 0, n - 1);
    if (i === example) return;
    example = i;
    const { names, p, order, true: truth } = examples[i];
    timed(el, () => {
      screens[0].set(trials[0], order[0], label);
      panels.forEach(({ set }, m) => set(names, p[m][0], truth));
      screens[0].show(t);
      answers();
    });
    which.set(i);
    if (tell) publish(model, { example: i });
  }

  const figure = h(
    "figure",
    { class: "battery", "aria-label": model.get("alt") },
    choice,
    h(
      "div",
      { class: "clip" },
      h("div", { class: "screens" }, ...screens.map(({ part }) => part)),
      h("div", { class: "times" }, play.button, time.row),
      n > 1 ? which.row : "",
    ),
    h("div", { class: "answers" }, legend, h("div", { class: "panels" }, ...panels.map(({ part }) => part))),
    table.part,
  );

  [trial, t] = [trials.indexOf(model.get("trial")), model.get("t")];
  setExample(model.get("example"), false);
  mark();
  time.set(t);
  model.on("change:t", () => setTime(model.get("t"), false));
  model.on("change:trial", () => setTrial(trials.indexOf(model.get("trial")), false));
  model.on("change:example", () => setExample(model.get("example"), false));
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
