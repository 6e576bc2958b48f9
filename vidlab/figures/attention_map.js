// Where a patch of a clip looks: its weights over all patches, on the frames, for a layer and a head, in each state of the
// model (before and after training), and beside them the attention rollout of the same patch.
import { bytesOf, caption, checkbox, clamp, dropdown, h, mount, openSprite, ownName, publish, slider, timed } from "./kit.js";
import { openLayer } from "./attention_rows.js";
import { makeHatch, makeStrip, percent, short } from "./attention_strip.js";

const indexOfMost = (row, but) => row.reduce((best, w, k) => (k !== but && (best < 0 || w > row[best]) ? k : best), -1);

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const grid = model.get("grid");
  const [T, H, W] = grid;
  const [lead, states, names, told] = ["lead", "states", "names", "layers"].map((key) => model.get(key));
  const frames = model.get("frames");
  const layers = told.map((each) => ({ ...each, ...openLayer(each, names.length) }));
  const rolled = model.get("rollout");
  const rollout = rolled && { ...rolled, ...openLayer(rolled, names.length) };
  const table = bytesOf(model.get("colours"));
  const colours = Uint32Array.from({ length: 256 }, (_, k) =>
    [0, 1, 2].reduce((word, c) => word + table[3 * k + c] * 256 ** c, 255 * 256 ** 3),
  );
  const s = { example: 0, layer: layers[0].name, head: 0, query: [0, 0, 0], overlay: true };
  const last = [...model.get("patch")]; // the patch to come back to from the class token
  const moved = (axis, k) => last.map((before, other) => (other === axis ? k : before));
  let shown = {};

  const hatch = ownName();
  const strip = (weights) => makeStrip({ grid, lead, sprite, hatch, weights, onpick: (query) => change({ query }) });
  const clip = strip(false);
  const about = frames > 1 ? `first of ${frames} frames of each moment` : "";
  Object.entries({ tabindex: 0, role: "application", "aria-label": "Patches of the clip: arrow keys move the query, Page Up and Page Down its moment" })
    .forEach(([name, value]) => clip.film.setAttribute(name, value));

  /** A strip for each state under one colour scale. */
  function makeSection(kind) {
    const [title, top, even] = [h("b"), h("span", { class: "top" }), h("span", { class: "even" })];
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((k) => `rgb(${table.slice(3 * k, 3 * k + 3).join(" ")})`);
    const ramp = h("span", { class: "ramp", style: `--ramp: linear-gradient(90deg, ${stops.join(", ")})` }, h("i"));
    const scale = h("div", { class: "scale" }, h("span", {}, "0"), ramp, top, even);
    const panels = states.map((state) => {
      const made = strip(true);
      made.box.setAttribute("role", "img");
      const words = h("span");
      return { ...made, state, words, node: h("div", { class: "panel" }, caption(state, words), made.box) };
    });
    const node = h("div", { class: `look ${kind}` }, h("div", { class: "heading" }, title, scale), h("div", { class: "panels" }, ...panels.map((each) => each.node)));
    return { node, title, top, even, ramp, panels };
  }
  const sections = { attention: makeSection("attention"), ...(rollout && { rollout: makeSection("rollout") }) };

  const tokenOf = (layer) =>
    s.query === "class" ? 0 : lead + (layer.moments ? s.query[0] : (s.query[0] * H + s.query[1]) * W + s.query[2]);
  const placeOf = (layer, k) => {
    const i = k - lead;
    return layer.moments ? [i, 0, 0] : [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
  };
  const place = (layer, [t, y, x]) => (layer.moments || H * W === 1 ? `moment t ${t}` : `t ${t}, row ${y}, column ${x}`);
  function subject(layer) {
    if (s.query === "class") return "The class token";
    return layer.moments || H * W === 1 ? `Moment t ${s.query[0]}` : `The patch at ${place(layer, s.query)}`;
  }

  function drawSection(name, layer, head) {
    const section = sections[name];
    const q = tokenOf(layer);
    const self = name === "rollout" ? q : -1; // of a rollout the query itself is left out: the shortcuts keep most there
    const rows = states.map((_, state) => layer.row(state, s.example, head, q));
    const largest = Math.max(...rows.map((row) => row[indexOfMost(row, self)]));
    const top = largest || Math.max(...rows.flatMap((row) => [...row])) || 1;
    const even = layer.keys(q) ? 1 / layer.keys(q) : 0;
    const reaches = (k) => layer.reaches(q, k);
    const evens = Array.from({ length: T }, (_, t) => {
      if (layer.moments) return reaches(lead + t) ? even : 0;
      let keys = 0;
      for (let k = 0; k < H * W; k++) keys += reaches(lead + t * H * W + k);
      return keys * even;
    });
    const results = section.panels.map((panel, k) => {
      const row = rows[k];
      const patches = row.map((w, i) => (i < lead ? -1 : w));
      const best = indexOfMost(patches, self);
      const most = best >= lead && row[best] > 0 ? placeOf(layer, best) : null;
      const shares = panel.paint({ colours, top, row, reaches, whole: layer.moments, evens, most });
      panel.mark(s.query, layer.moments);
      return { row, shares, strongest: indexOfMost(row, self) };
    });
    section.top.textContent = short(top);
    section.even.textContent = even ? `▲ even: 1/${layer.keys(q)}` : "";
    section.ramp.style.setProperty("--at", `${(100 * Math.min(1, even / top)).toFixed(1)}%`);
    return { top, even, results, q };
  }
  /** What a query does with its weight: the longest gift, and how much stays. */
  function sentence(layer, { row, shares, strongest }, q, verb) {
    if (!row.some((w) => w > 0)) return "looks nowhere";
    const to = strongest < lead ? "the class token" : strongest === q ? "itself" : place(layer, placeOf(layer, strongest));
    const parts = [`${verb} ${short(row[strongest])} of its weight to ${to}`];
    if (s.query !== "class") parts.push(`${percent(shares[s.query[0]])} stays in its own moment`);
    else {
      const t = indexOfMost(shares, -1);
      parts.push(`of the moments t ${t} gets most, ${percent(shares[t])}`);
    }
    if (lead && s.query !== "class" && strongest >= lead) parts.push(`${percent(row[0])} goes to the class token`);
    return parts.join("; ");
  }
  const said = h("p", { class: "said", "aria-live": "polite" });
  const note = h("p", { class: "note" });

  function draw() {
    const layer = layers.find(({ name }) => name === s.layer);
    clip.mark(s.query, layer.moments);
    shown = { attention: drawSection("attention", layer, s.head) };
    if (rollout) shown.rollout = drawSection("rollout", rollout, 0);
    for (const [name, { results, q }] of Object.entries(shown)) {
      const of = name === "rollout" ? rollout : layer;
      const verb = name === "rollout" ? "takes" : "gives";
      sections[name].panels.forEach((panel, k) => {
        const words = sentence(of, results[k], q, verb);
        const own = s.query === "class" ? "" : `, own moment ${percent(results[k].shares[s.query[0]])}`;
        const { row, strongest } = results[k];
        panel.words.textContent = row.some((w) => w > 0) ? `most ${short(row[strongest])}${own}` : "looks nowhere";
        panel.box.setAttribute("aria-label", `${name}, ${panel.state}: ${subject(of)} ${words}`);
      });
    }
    const heads = layer.heads === 1 ? "" : `, ${s.head ? `head ${s.head}` : "mean of heads"}`;
    sections.attention.title.textContent = `attention: ${layer.name}${heads}`;
    const words = sentence(layer, shown.attention.results.at(-1), shown.attention.q, "gives");
    said.textContent = `${subject(layer)}, ${states.at(-1)}: ${words}. Colours from 0 to ${short(shown.attention.top)}.`;
    note.textContent = [layer.note, rollout?.note].filter(Boolean).join(" ");
  }

  const options = (words) => Object.fromEntries(words.map((each, k) => [k, each]));
  const controls = {
    example: dropdown(options(names), (k) => change({ example: Number(k) })),
    layer: dropdown(options(layers.map(({ name }) => name)), (k) => change({ layer: layers[k].name })),
    head: dropdown({ 0: "mean of heads", ...Object.fromEntries(Array.from({ length: layers[0].heads }, (_, k) => [k + 1, `head ${k + 1}`])) }, (k) => change({ head: Number(k) })),
  };
  const several = { example: names.length > 1, layer: layers.length > 1, head: layers[0].heads > 1 };
  const choices = Object.keys(controls).filter((key) => several[key]).map((key) => h("label", {}, `${key} `, controls[key]));
  const overlay = checkbox("heat", true, (on) => change({ overlay: on }));
  const answer = h("button", { type: "button", onclick: () => change({ query: s.query === "class" ? [...last] : "class" }) }, "the answer (class token)");
  const axes = { t: ["moment t", T - 1], y: ["row y", H - 1], x: ["column x", W - 1] };
  const sliders = Object.entries(axes).map(([kind, [name, end]], axis) =>
    slider({ name, kind, last: end, text: (i) => `${i}`, oninput: (i) => change({ query: moved(axis, i) }) }),
  );

  function valid(query) {
    if (query === "class") return lead === 1;
    return Array.isArray(query) && query.length === 3 && query.every((k, axis) => Number.isInteger(k) && k >= 0 && k < grid[axis]);
  }
  function change(to, tell = true) {
    const wrong =
      ("query" in to && !valid(to.query)) ||
      ("layer" in to && !layers.some(({ name }) => name === to.layer)) ||
      ("example" in to && !(to.example in names)) ||
      ("head" in to && !(to.head in [...Array(layers[0].heads + 1)]));
    if (wrong) return;
    Object.assign(s, to);
    if (s.query !== "class") s.query.forEach((k, axis) => (last[axis] = k));
    if ("example" in to) {
      for (const each of [clip, ...Object.values(sections).flatMap(({ panels }) => panels)]) each.showFrames(s.example * T);
    }
    timed(el, draw);
    figure.classList.toggle("plain", !s.overlay);
    overlay.input.checked = s.overlay;
    answer.setAttribute("aria-pressed", s.query === "class");
    controls.example.value = s.example;
    controls.head.value = s.head;
    controls.layer.value = layers.findIndex(({ name }) => name === s.layer);
    sliders.forEach(({ set, input }, axis) => {
      set(last[axis]);
      input.disabled = axis > 0 && layers[controls.layer.value].moments;
    });
    if (tell) publish(model, to);
  }
  const STEPS = { ArrowLeft: [2, -1], ArrowRight: [2, 1], ArrowUp: [1, -1], ArrowDown: [1, 1], PageUp: [0, -1], PageDown: [0, 1] };
  clip.film.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const [axis, step] = STEPS[event.key];
    const along = W === 1 && axis === 2 ? 0 : axis; // with one column, left and right are the moments
    change({ query: moved(along, clamp(last[along] + step, 0, grid[along] - 1)) });
  });

  const used = sliders.filter((_, axis) => grid[axis] > 1).map(({ row }) => row);
  const hint =
    `Click a ${H * W === 1 ? "frame" : "patch"}${lead ? " or the class token" : ""}, or use the arrow keys` +
    `${H * W === 1 ? "" : " (Page Up, Page Down: its moment)"}. Bars below: the share of each moment; their tick: an even share.`;
  const head = h("div", { class: "first" },
    h("div", { class: "panel" }, caption("the clip", about), clip.box, h("p", { class: "hint" }, hint)),
    h("div", { class: "side" }, h("div", { class: "coordinates" }, ...used), ...(lead ? [h("div", { class: "buttons" }, answer)] : []), said, note),
  );
  const figure = h(
    "figure",
    { class: "attention-map", "aria-label": model.get("alt") },
    makeHatch(hatch, H, W),
    h("div", { class: "buttons choices" }, ...choices, overlay.row),
    head,
    h("div", { class: "looks" }, ...Object.values(sections).map(({ node }) => node)),
  );
  if (rollout) sections.rollout.title.textContent = "attention rollout, all layers";
  figure.classList.toggle("two", Boolean(rollout));
  figure.classList.toggle("pairs", !rollout && states.length > 1 && T * W <= 32);
  figure.style.setProperty("--wide", Math.min(T, 8));
  figure.style.setProperty("--most", `${155 * Math.min(T, 8) + 39 * lead}px`);
  figure.style.setProperty("--narrow", T > 4 ? Math.min(8, Math.ceil(T / 2)) : T);

  const KEYS = ["example", "layer", "head", "query", "overlay"];
  change(Object.fromEntries(KEYS.map((key) => [key, model.get(key)])), false);
  for (const key of KEYS) model.on(`change:${key}`, () => model.get(key) !== s[key] && change({ [key]: model.get(key) }, false));
  el.shown = () => shown; // for tests
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
