// Where a video network merges time: its boxes over the frames (fusion_drawing.js), beside them the numbers of each layer,
// below them what time costs in weights. All is computed anew (fusion_layers.js) whenever a control moves.
import { dropdown, h, mount, publish, slider, timed } from "./kit.js";
import { ALEXNET, JOINS, NAMES, RANGES, chosen, compute, problem } from "./fusion_layers.js";
import { makeDrawing, text } from "./fusion_drawing.js";

const whole = new Intl.NumberFormat("en-US").format; // made once: toLocaleString makes one for every number
const short = (value) => {
  const [unit, letter] = value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : [1, ""];
  return unit === 1 ? whole(value) : `${(value / unit).toFixed(value / unit < 100 ? 2 : 1)}${letter}`;
};
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`;
const between = ([low, high]) => (low === high ? `frame ${low}` : `frames ${low}–${high}`);

/** One line per layer, at the height of its boxes, and the totals. */
function makeTable() {
  const cell = (kind) => h("td", { class: kind, role: "cell" });
  const KINDS = ["shape", "weights", "macs", "sees"];
  const line = () =>
    h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, h("b"), h("span")), ...KINDS.map(cell));
  const titles = ["layer", "C×T×H×W", "weights", "multiply–adds", "sees T×H×W"];
  const head = h("tr", { role: "row" }, ...titles.map((title) => h("th", { scope: "col", role: "columnheader" }, title)));
  const body = h("tbody", { role: "rowgroup" });
  const sum = () => {
    const tr = line();
    tr.children[1].remove();
    tr.firstChild.setAttribute("colspan", 2);
    return tr;
  };
  const foot = h("tfoot", { role: "rowgroup" }, sum(), sum());
  const table = h("table", { role: "table" }, h("thead", { role: "rowgroup" }, head), body, foot);

  function put(tr, name, does, values) {
    text(tr.firstChild.firstChild, name);
    text(tr.firstChild.lastChild, does);
    values.forEach((value, k) => text(tr.children[k + 1], value));
  }
  function draw(rows, sums, s) {
    while (body.childElementCount < rows.length + 1) body.append(line());
    while (body.childElementCount > rows.length + 1) body.lastChild.remove();
    [...rows].reverse().forEach((row, k) => {
      const learns = row.weights > 0;
      put(body.children[k], row.name, row.does, [
        row.shape.join("×"),
        learns ? whole(row.weights) : "–",
        learns ? short(row.macs) : "–",
        row.sees.join("×"),
      ]);
      body.children[k].classList.toggle("merges", row.merges);
    });
    put(body.lastChild, "frames", `${s.size}×${s.size} pixels`, [`3×${s.frames}×${s.size}×${s.size}`, "", "", ""]);
    body.lastChild.classList.remove("merges");
    [["vector", "up to the vector"], ["scores", "with the scores"]].forEach(([key, name], k) => {
      const { weights, biases, macs } = sums[key];
      const parameters = `+ ${whole(biases)} biases = ${whole(weights + biases)} parameters`;
      put(foot.children[k], name, parameters, [whole(weights), short(macs), ""]);
    });
  }
  const mark = (r) =>
    [...body.children].forEach((tr, k) => tr.classList.toggle("lit", k === body.childElementCount - 2 - r));
  return { table, draw, mark };
}

/** Weights as bars of one scale: the first layer on one frame, over time, and a layer on all frames side by side. */
function makeCosts() {
  const bars = ["one", "part", "early", "late"].map((kind) =>
    h("div", { class: `bar ${kind}` }, h("span", { class: "of" }), h("b"), h("i", { "aria-hidden": "true" })),
  );
  const share = h("p");
  const title = h("b", {}, "Weights of the first layer, and of a layer that joins the frames late");
  const box = h("div", { class: "costs" }, title, ...bars, share);
  function draw(s, cost) {
    const { per_frame: per, first, growth, single, late_fc: late } = cost;
    const part = ["slow", "3d"].includes(s.architecture);
    const values = [per, first, s.frames * per, late];
    const words = [
      `first layer, one frame: k²·3·C_out = ${s.kernel}²·3·${s.channels}`,
      `first layer, ${NAMES[s.architecture]}: k_t × ${whole(per)} = ${s.extent} × ${whole(per)}`,
      `first layer, early fusion: T × ${whole(per)} = ${s.frames} × ${whole(per)}`,
      `late, fully connected: T·D·hidden = ${s.frames}·${whole(cost.features)}·${whole(cost.hidden)}`,
    ];
    bars.forEach((bar, k) => {
      text(bar.children[0], words[k]);
      text(bar.children[1], whole(values[k]));
      bar.lastChild.style.width = `${(100 * values[k]) / Math.max(s.frames * per, late)}%`;
    });
    bars[1].hidden = !part;
    const mine = { early: 2, late: s.join === "concat" ? 3 : 0, single: 0 }[s.architecture] ?? 1;
    bars.forEach((bar, k) => bar.classList.toggle("mine", k === mine));
    text(
      share,
      `Early fusion adds (T − 1) × ${whole(per)} = ${whole(growth)} weights: ${percent(growth / single)} of the ` +
        `single-frame network’s ${whole(single)} parameters.`,
    );
  }
  return { box, draw };
}

async function render({ model, el }) {
  const KEYS = ["architecture", "frames", "kernel", "channels", "extent", "stride", "size", "join"];
  const s = Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
  let answer;

  const drawing = makeDrawing(choose);
  const { table, draw: fillTable, mark } = makeTable();
  const cost = makeCosts();
  const said = h("p", { class: "said", "aria-live": "polite" });
  const unseen = h("p", { class: "unseen" });
  const what = h("p");
  const mend = h("button", { type: "button", onclick: repair }, "Mend the settings");
  const wrong = h("div", { class: "wrong", role: "alert" }, what, mend);
  const stage = h("div", { class: "stage" }, h("div", { class: "left" }, drawing.box, said, unseen), table);

  function select(name, key, options, apply) {
    const node = dropdown(options, apply);
    node.setAttribute("aria-label", name);
    return { row: h("label", { class: key }, h("span", { class: "name" }, name), node), node };
  }
  const sizes = { 64: "64×64, toy", [ALEXNET]: "227×227, AlexNet" };
  if (!(s.size in sizes)) sizes[s.size] = `${s.size}×${s.size}, toy`;
  const selects = {
    architecture: select("architecture", "architecture", NAMES, (architecture) =>
      change({ architecture, ...time(architecture, s.size) }),
    ),
    size: select("network", "size", sizes, (value) => {
      const size = Number(value);
      const first = size === ALEXNET ? { kernel: 11, channels: 96 } : { kernel: 3, channels: 12 };
      change({ size, ...first, ...time(s.architecture, size) });
    }),
    join: select("join the frames", "join", JOINS, (join) => change({ join })),
  };
  /** The usual extent and stride of an architecture. */
  const time = (architecture, size) => ({
    extent: Math.min(architecture === "slow" ? 4 : 3, s.frames),
    stride: architecture === "3d" && size !== ALEXNET ? 4 : 2,
  });
  const titles = {
    frames: ["frames T", (n) => `${n}`],
    kernel: ["kernel k", (n) => `${n}×${n} pixels`],
    channels: ["channels C_out", (n) => `${n}`],
    extent: ["extent k_t", (n) => `${n} frames`],
    stride: ["temporal stride", (n) => `${s.architecture === "3d" ? "pools" : "conv 1"}: ${n}`],
  };
  const sliders = Object.fromEntries(
    Object.entries(titles).map(([key, [name, words]]) => {
      const made = slider({ name, kind: key, text: words, oninput: (n) => change({ [key]: n }) });
      Object.assign(made.input, { min: RANGES[key][0], max: RANGES[key][1] });
      return [key, made];
    }),
  );

  function repair() {
    change(s.extent > s.frames ? { extent: s.frames } : { stride: s.extent });
    sliders.extent.input.focus();
  }
  function draw(fresh) {
    const trouble = problem(s);
    answer = trouble ? null : compute(s);
    stage.hidden = cost.box.hidden = Boolean(trouble);
    wrong.hidden = !trouble;
    if (trouble) {
      text(what, `This network cannot be built: ${trouble[0]}. Try ${trouble[1]}.`);
      mend.hidden = !trouble[1].includes("k_t");
      text(mend, s.extent > s.frames ? `Set k_t to ${s.frames}` : `Set the stride to ${s.extent}`);
      return;
    }
    const { rows } = answer;
    drawing.draw(rows, s);
    fillTable(rows, answer.totals, s);
    cost.draw(s, answer.costs);
    const [low, high] = rows.at(-1).spans[0];
    const blind = high - low + 1 < s.frames && [high + 1, s.frames - 1];
    text(unseen, blind ? `No box at the top sees ${between(blind)}: the windows do not come out even.` : "");
    let [r, i] = (!fresh && drawing.at()) || chosen(rows);
    r = Math.min(r, rows.length - 1);
    choose(r, Math.min(i, rows[r].spans.length - 1));
  }
  function choose(r, i) {
    text(said, drawing.light(r, i));
    mark(r);
  }
  function change(to, tell = true) {
    const moved = ["architecture", "size", "join", "frames"].some((key) => key in to && to[key] !== s[key]);
    const fresh = !answer || moved;
    Object.assign(s, to);
    timed(el, () => draw(fresh));
    for (const [key, { set }] of Object.entries(sliders)) set(s[key]);
    for (const [key, { node }] of Object.entries(selects)) node.value = s[key];
    selects.join.row.hidden = s.architecture !== "late";
    for (const key of ["extent", "stride"]) sliders[key].row.hidden = !["slow", "3d"].includes(s.architecture);
    if (tell) publish(model, to);
  }

  const key = (kind, words) => h("span", { class: `key ${kind}` }, words);
  const legend = h("div", { class: "keys" }, key("merges", "merges moments"), key("", "each moment by itself"));
  const figure = h(
    "figure",
    { class: "fusion", "aria-label": model.get("alt") },
    h("div", { class: "choices" }, ...Object.values(selects).map(({ row }) => row), legend),
    h("div", { class: "sliders" }, ...Object.values(sliders).map(({ row }) => row)),
    wrong,
    stage,
    cost.box,
  );
  change({}, false);
  for (const name of KEYS) {
    model.on(`change:${name}`, () => model.get(name) !== s[name] && change({ [name]: model.get(name) }, false));
  }
  el.answer = () => answer; // for tests
  el.compute = compute;
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
