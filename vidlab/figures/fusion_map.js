// Where a video network merges time. Every box stands over the frames where it is computed; a lit box lights what it
// sees. The arithmetic is that of fusion_map.py, line by line; a convolution, a pool, an average and a fully connected
// layer are all windows (kernel, stride, padding) along time and space, and early fusion is a window over all of T.
import { clamp, h, mount, slider, svg, timed } from "./kit.js";

const NAMES = {
  single: "single frame",
  late: "late fusion",
  early: "early fusion",
  slow: "slow fusion",
  "3d": "3D convolution",
};
const JOINS = { pool: "average over space and time", concat: "concatenate, fully connected" };
const ALEXNET = 227;
const GAP = 0.1; // frames: so far from the next box a connection stays
const RANGES = { frames: [2, 20], kernel: [1, 11], channels: [8, 128], extent: [2, 20], stride: [1, 4], size: [1, 512] };

function problem(s) {
  for (const [name, known] of [["architecture", NAMES], ["join", JOINS]]) {
    if (!Object.hasOwn(known, s[name])) return [`${name} = ${s[name]} is not known`, `one of ${order(known).join(", ")}`];
  }
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    if (Number.isInteger(s[name]) && low <= s[name] && s[name] <= high) continue;
    return [`${name} = ${s[name]} is not possible`, `a whole number from ${low} to ${high}`];
  }
  if (["slow", "3d"].includes(s.architecture) && s.extent > s.frames) {
    const what = `the kernels of the first layer span k_t = ${s.extent} frames, but the clip has only T = ${s.frames}`;
    return [what, `k_t = ${s.frames} or less, or T = ${s.extent} or more`];
  }
  if (s.architecture === "slow" && s.stride > s.extent) {
    const what = `a temporal stride of ${s.stride} steps over frames that kernels of k_t = ${s.extent} frames never see`;
    return [what, `a stride of ${s.extent} or less, or k_t = ${s.stride} or more`];
  }
  if (s.kernel > s.size) {
    const what = `the kernels of ${s.kernel}×${s.kernel} pixels are larger than the frames of ${s.size}×${s.size}`;
    return [what, `k = ${s.size} or less, or larger frames`];
  }
  if (extentOf(s.size, toyConv(s.kernel)) < 4) {
    return [`frames of ${s.size}×${s.size} pixels leave nothing for the pool of 4×4`, "larger frames"];
  }
  return null;
}
const order = (known) => Object.keys(known);
const toyConv = (k) => [k, 1, Math.floor((k - 1) / 2)];
const extentOf = (n, [k, s, p]) => Math.floor((n + 2 * p - k) / s) + 1;
const hidden = (s) => (s.size === ALEXNET ? 4096 : 64);

/** The layers, first to last: { name, kind, channels, time, space, does }. */
function plan(s) {
  const toy = s.size !== ALEXNET;
  const solid = ["slow", "3d"].includes(s.architecture);
  const made = [];
  let [c, t, n] = [3, s.frames, s.size];

  function add(name, kind, channels, time, space, does = "") {
    const [[kt, st], [k, sxy]] = [time, space];
    if (kind === "conv" || kind === "pool") {
      const [size, stride] = solid ? [`${kt}×${k}×${k}`, `${st}×${sxy}×${sxy}`] : [`${k}×${k}`, `${sxy}`];
      const plain = size === (solid ? stride : `${stride}×${stride}`) || (st === 1 && sxy === 1);
      does = plain ? size : `${size}, stride ${stride}`;
    }
    if (kind === "conv" || kind === "linear") {
      const inputs = c * (solid && kind === "conv" ? 1 : kt) * (kind === "linear" ? n * n : 1);
      does += `${does && ", "}${inputs}→${channels}${kind === "linear" && t > kt ? " for each frame" : ""}`;
    }
    if (kind === "mean" && !does) does = kt > 1 ? "over T, H, W" : "over H, W";
    made.push({ name, kind, channels, time, space, does });
    [c, t, n] = [channels, extentOf(t, time), extentOf(n, space)];
  }
  function conv(i, channels, space) {
    let time = [1, 1, 0];
    if (s.architecture === "early" && i === 1) time = [t, 1, 0];
    else if (s.architecture === "slow" && i <= 3) time = i === 1 ? [s.extent, s.stride, 0] : [Math.min(2, t), Math.min(2, t), 0];
    else if (s.architecture === "3d") time = i === 1 ? [s.extent, 1, toy ? Math.floor((s.extent - 1) / 2) : 0] : [3, 1, 1];
    add(`conv ${i}`, "conv", channels, time, space);
  }
  function pool(i, space) {
    const reach = s.architecture === "3d" ? Math.min(s.stride, t) : 1;
    add(`pool ${i}`, "pool", c, [reach, reach, 0], space);
  }

  if (toy) {
    conv(1, s.channels, toyConv(s.kernel));
    pool(1, [4, 4, 0]);
    conv(2, 2 * s.channels, [3, 1, 1]);
    if (s.architecture === "slow") conv(3, 2 * s.channels, [3, 1, 1]);
  } else {
    conv(1, s.channels, [s.kernel, 4, 0]);
    pool(1, [3, 2, 0]);
    conv(2, 256, [5, 1, 2]);
    pool(2, [3, 2, 0]);
    for (const [i, channels] of [[3, 384], [4, 384], [5, 256]]) conv(i, channels, [3, 1, 1]);
    pool(5, [3, 2, 0]);
  }
  const single = s.architecture === "single";
  const [concat, pooled] = ["concat", "pool"].map((join) => s.architecture === "late" && s.join === join);
  if (toy || pooled) add("average", "mean", c, [single || concat ? 1 : t, 1, 0], [n, 1, 0]);
  for (const name of toy ? (concat ? ["fc"] : []) : pooled ? [] : ["fc 6", "fc 7"]) {
    add(name, "linear", hidden(s), [single ? 1 : t, 1, 0], [n, 1, 0]);
  }
  add("scores", "linear", toy ? 10 : 1000, [single ? 1 : t, 1, 0], [n, 1, 0]);
  if (single) add("answer", "mean", c, [t, 1, 0], [1, 1, 0], "mean of the probabilities");
  return made;
}

/** First and last input of each output; padding is no input. */
const windows = (n, window) =>
  Array.from({ length: extentOf(n, window) }, (_, i) => {
    const start = i * window[1] - window[2];
    return [Math.max(0, start), Math.min(n - 1, start + window[0] - 1)];
  });
const through = (spans, feeds) => feeds.map(([low, high]) => [spans[low][0], spans[high][1]]);
const longest = (spans) => Math.max(...spans.map(([low, high]) => high - low + 1));
const identity = (n) => Array.from({ length: n }, (_, i) => [i, i]);

/** Shapes, counts and receptive fields of every layer. */
function layers(s) {
  let [c, spans, wide, first, step] = [3, identity(s.frames), identity(s.size), 0.5, 1];
  return plan(s).map(({ name, kind, channels, time, space, does }) => {
    const feeds = windows(spans.length, time);
    spans = through(spans, feeds);
    wide = through(wide, windows(wide.length, space));
    first += step * ((time[0] - 1) / 2 - time[2]);
    step *= time[1];
    const learns = kind === "conv" || kind === "linear";
    const weights = learns ? time[0] * space[0] ** 2 * c * channels : 0;
    c = channels;
    const [t, n] = [spans.length, wide.length];
    const flat = kind === "linear" || name === "answer";
    const shape = flat ? (t > 1 ? [c, t] : [c]) : s.architecture === "early" ? [c, n, n] : [c, t, n, n];
    const sees = [longest(spans), longest(wide), longest(wide)];
    const merges = feeds.some(([low, high]) => high > low);
    const [biases, macs] = [learns ? c : 0, weights * t * n * n];
    return { name, kind, does, shape, weights, biases, macs, sees, spans, feeds, first, step, merges };
  });
}

function totals(rows) {
  const last = rows.findIndex(({ name }) => name === "scores");
  const sum = (part, key) => part.reduce((total, row) => total + row[key], 0);
  const sums = (part) => ({ weights: sum(part, "weights"), biases: sum(part, "biases"), macs: sum(part, "macs") });
  return { vector: sums(rows.slice(0, last)), scores: sums(rows) };
}

function costs(s, rows) {
  const pair = { ...s, frames: 2 }; // what is counted here hangs on T in no other way than by a factor
  const one = totals(layers({ ...pair, architecture: "single" })).scores;
  const late = layers({ ...pair, architecture: "late", join: "concat" });
  const features = late.find(({ kind }) => kind === "linear").weights / (2 * hidden(s));
  const per = s.kernel ** 2 * 3 * s.channels;
  return {
    per_frame: per,
    slices: rows[0].weights / per,
    first: rows[0].weights,
    growth: (s.frames - 1) * per,
    single: one.weights + one.biases,
    features,
    hidden: hidden(s),
    late_fc: s.frames * features * hidden(s),
  };
}

/** What is wrong with the settings, as [what, mend], or all that the figure shows. */
function compute(s) {
  const trouble = problem(s);
  if (trouble) return trouble;
  const rows = layers(s);
  return { rows, totals: totals(rows), costs: costs(s, rows) };
}

/** The box that is lit at first: in the middle of the highest row that still has several. */
function chosen(rows) {
  const row = rows.findLastIndex(({ spans }) => spans.length > 1);
  return row < 0 ? [0, 0] : [row, Math.floor(rows[row].spans.length / 2)];
}

/** Left and right edge of box i, in frames: as wide as the step to the next one, and a lone box as what it sees. */
function edges({ spans, first, step }, i) {
  if (spans.length === 1) return [spans[0][0], spans[0][1] + 1];
  return [first + (i - 0.5) * step, first + (i + 0.5) * step];
}

const whole = (value) => value.toLocaleString("en-US");
const short = (value) => {
  const [unit, letter] = value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : [1, ""];
  return unit === 1 ? whole(value) : `${(value / unit).toFixed(value / unit < 100 ? 2 : 1)}${letter}`;
};
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`;
const between = ([low, high]) => (low === high ? `frame ${low}` : `frames ${low}–${high}`);
const text = (node, value) => node.textContent !== value && (node.textContent = value);

/** The boxes of all rows over the frames, and the light on what one of them sees. */
function makeDrawing(choose) {
  const names = h("div", { class: "names", "aria-hidden": "true" });
  const links = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const [apart, merging, cone] = ["apart", "merging", "cone"].map((kind) => svg("path", { class: kind }));
  links.append(apart, merging, cone);
  const lines = []; // of boxes
  const pictures = h("div", { class: "pictures", "aria-hidden": "true" });
  const map = h("div", { class: "map", role: "group" }, links, pictures);
  const box = h("div", { class: "drawing" }, names, map);
  let rows, frames, pitch, tall, at, shown, current;
  let bright = []; // the buttons and pictures that are lit

  const right = (x) => Math.round((10000 * x) / frames); // whole numbers are quicker to write
  const top = (level) => (rows.length - level) * pitch + (pitch - tall) / 2; // of the boxes of a level; 0: the frames
  function trapezium(level, [low, high], [from, to]) {
    const [above, below] = [rows[level - 1], rows[level - 2]];
    const [left, end] = [edges(above, low)[0] + GAP, edges(above, high)[1] - GAP];
    const [start, stop] = below ? [edges(below, from)[0], edges(below, to)[1]] : [from, to + 1];
    const [y, foot] = [top(level) + tall, level === 1 ? rows.length * pitch + 4 : top(level - 1)];
    return `M${right(left)} ${y}L${right(start + GAP)} ${foot}L${right(stop - GAP)} ${foot}L${right(end)} ${y}`;
  }
  function fill(node, count, make) {
    while (node.childElementCount < count) node.append(make());
    while (node.childElementCount > count) node.lastChild.remove();
  }
  function draw(next, settings) {
    const { architecture, join, size, frames: T, extent, stride } = settings;
    const now = [architecture, join, size, T, extent, stride].join();
    if (now === shown) return; // the other settings move no box
    shown = now;
    [rows, frames] = [next, settings.frames];
    [pitch, tall] = rows.length > 7 ? [34, 20] : [56, 28];
    const { style } = box.closest(".stage"); // the lines of the table are as high
    style.setProperty("--pitch", `${pitch}px`);
    style.setProperty("--tall", `${tall}px`);
    style.setProperty("--levels", rows.length);
    fill(names, rows.length + 1, () => h("span"));
    [...rows.map(({ name }) => name).reverse(), "frames"].forEach((name, k) => text(names.children[k], name));
    links.setAttribute("viewBox", `0 0 10000 ${rows.length * pitch + 4}`);
    const paths = [[], []];
    rows.forEach((row, r) => row.feeds.forEach((feed, i) => paths[+row.merges].push(trapezium(r + 1, [i, i], feed))));
    apart.setAttribute("d", paths[0].join(""));
    merging.setAttribute("d", paths[1].join(""));

    while (lines.length < rows.length) {
      lines.push(h("div", { class: "line" }));
      map.insertBefore(lines.at(-1), pictures);
    }
    lines.forEach((line, r) => {
      const row = rows[r];
      fill(line, row ? row.spans.length : 0, () => h("button", { type: "button", class: "box", tabindex: -1 }));
      if (!row) return;
      const [left, end] = [edges(row, 0)[0], edges(row, row.spans.length - 1)[1]];
      line.style.cssText = `left:${(100 * left) / frames}%;width:${(100 * (end - left)) / frames}%;top:${top(r + 1)}px`;
      line.classList.toggle("merges", row.merges);
      [...line.children].forEach((button, i) => button.setAttribute("aria-label", say(r, i)));
    });
    fill(pictures, frames, () => h("span", {}, h("i"), h("small")));
    pictures.classList.toggle("many", frames > 12);
    [...pictures.children].forEach((picture, t) => {
      picture.style.setProperty("--at", (t / (frames - 1)).toFixed(3));
      text(picture.lastChild, `${t}`);
    });
    map.setAttribute("aria-label", `${NAMES[settings.architecture]}: ${rows.length} layers over ${frames} frames`);
  }
  const say = (r, i) => {
    const { name, spans } = rows[r];
    const place = spans.length > 1 ? `${name}, box ${i + 1} of ${spans.length}` : name;
    const [low, high] = spans[i];
    return `${place}, sees ${high - low + 1} of ${frames} frames: ${low === high ? low : `${low}–${high}`}`;
  };
  /** Light box i of row r, all boxes that it hangs on, and the frames that it sees. */
  function light(r, i) {
    at = [r, i];
    let [low, high] = [i, i];
    const parts = [];
    const ranges = [];
    for (let level = r; level >= 0; level--) {
      ranges[level] = [low, high];
      const { feeds } = rows[level];
      const taken = [feeds[low][0], feeds[high][1]];
      parts.push(trapezium(level + 1, [low, high], taken));
      [low, high] = taken;
    }
    cone.setAttribute("d", parts.join(""));
    for (const node of bright) node.classList.remove("lit");
    bright = ranges.flatMap(([from, to], level) => [...lines[level].children].slice(from, to + 1));
    bright.push(...[...pictures.children].slice(low, high + 1));
    for (const node of bright) node.classList.add("lit");
    current?.setAttribute("aria-current", "false");
    current?.setAttribute("tabindex", -1);
    current = lines[r].children[i];
    current.setAttribute("aria-current", "true");
    current.setAttribute("tabindex", 0);
    return say(r, i);
  }
  const place = (button) => {
    const r = lines.indexOf(button.parentNode);
    return [r, [...lines[r].children].indexOf(button)];
  };
  for (const kind of ["pointerover", "focusin", "click"]) {
    map.addEventListener(kind, ({ target }) => target.classList.contains("box") && choose(...place(target)));
  }
  map.addEventListener("keydown", (event) => {
    if (!event.target.classList.contains("box")) return;
    let [r, i] = place(event.target);
    const end = rows[r].spans.length - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -end, End: end }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (step === undefined && up === undefined) return;
    event.preventDefault();
    if (up) {
      const middle = (level, k) => edges(rows[level], k).reduce((sum, x) => sum + x / 2, 0);
      const here = middle(r, i);
      r = clamp(r + up, 0, rows.length - 1);
      const far = rows[r].spans.map((_, k) => Math.abs(middle(r, k) - here));
      i = far.indexOf(Math.min(...far));
    } else i = clamp(i + step, 0, end);
    lines[r].children[i].focus();
  });
  return { box, draw, light, at: () => at };
}

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
    const node = h("select", { "aria-label": name }, ...Object.entries(options).map(([value, words]) => h("option", { value }, words)));
    node.addEventListener("change", () => apply(node.value));
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
    if (!tell) return;
    for (const key of Object.keys(to)) model.set(key, s[key]);
    model.save_changes();
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
  if (model.get("caption")) figure.append(h("figcaption", {}, model.get("caption")));
  change({}, false);
  for (const name of KEYS) {
    model.on(`change:${name}`, () => model.get(name) !== s[name] && change({ [name]: model.get(name) }, false));
  }
  el.answer = () => answer; // for tests
  el.compute = compute;
  mount(el, figure);
}

export default { render };
