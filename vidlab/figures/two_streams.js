// Two streams: what a network that sees the picture and one that sees the flow answer, and what their mean makes of it.
// Python asked them at every level of each disturbance; here the results are looked up, and nothing is computed.
import { bytesOf, caption, clamp, drag, dropdown, h, mount, openSprite, ownName, partAt, player, publish, slider, svg, timed, view } from "./kit.js";
import { makePanel } from "./gates_panel.js";
import { makeScores } from "./two_streams_scores.js";

const ARROWS = 8; // along the longer side
const LONGEST = 1.3; // times as long as arrows are apart, for a flow with a full colour
const STILL = 0.12; // of the length with a full colour: what is shorter has no arrow

/** The flow in colour and as arrows; `tones` are the colours of all codes. */
async function openFields(model) {
  const [fields, tones] = await Promise.all(["fields", "tones"].map((key) => openSprite(model.get(key))));
  const { width, height, volume } = fields;
  const [half, rim] = ["half", "rim"].map((key) => model.get(key));
  const [size, side] = [width * height, 2 * half + 1];
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const u = (code) => code & 255;
  const v = (code) => (code >> 8) & 255;
  /** Field k, as a picture that the next call paints over. */
  function colours(k) {
    for (let i = 0; i < size; i++) {
      const code = volume[k * size + i];
      pixels[i] = tones.volume[v(code) * side + u(code)];
    }
    return picture;
  }
  const gap = Math.max(width, height) / ARROWS;
  const [down, across] = [height, width].map((each) => Math.max(1, Math.round(each / gap)));
  const longer = (LONGEST * gap) / rim; // of a step
  /** Field k as a path, in hundredths of a pixel. */
  function arrows(k) {
    const parts = [];
    const at = (x, y) => `${Math.round(100 * x)} ${Math.round(100 * y)}`;
    for (let j = 0; j < down; j++) {
      for (let i = 0; i < across; i++) {
        const [x, y] = [Math.floor(((i + 0.5) * width) / across), Math.floor(((j + 0.5) * height) / down)];
        const code = volume[k * size + y * width + x];
        const [a, b] = [u(code), v(code)].map((each) => (each - half) * longer);
        if (Math.hypot(a, b) < STILL * LONGEST * gap) continue;
        const [tipX, tipY] = [x + 0.5 + a, y + 0.5 + b];
        parts.push(`M${at(x + 0.5, y + 0.5)}L${at(tipX, tipY)}M${at(tipX - 0.35 * a + 0.22 * b, tipY - 0.35 * b - 0.22 * a)}`);
        parts.push(`L${at(tipX, tipY)}L${at(tipX - 0.35 * a - 0.22 * b, tipY - 0.35 * b + 0.22 * a)}`);
      }
    }
    return parts.join("");
  }
  /** The key of the colours: every motion up to the length with a full one. */
  function wheel() {
    const canvas = h("canvas", { width: 2 * rim + 1, height: 2 * rim + 1 });
    canvas.getContext("2d").putImageData(tones.frame(0), rim - half, rim - half);
    const name = `Colours of the flow: hue says where to, strength how far, up to ${model.get("reach")} pixels a frame`;
    return h("div", { class: "wheel", role: "img", "aria-label": name }, canvas);
  }
  return { width, height, colours, arrows, wheel };
}

async function render({ model, el }) {
  const [films, fields] = await Promise.all([openSprite(model.get("films")), openFields(model)]);
  const { width, height } = films;
  const [disturbances, names, classes, truth] = ["disturbances", "names", "classes", "truth"].map((key) => model.get(key));
  const [n, count, moments] = model.get("counts");
  const at = Object.fromEntries(["disturbance", "level", "clip", "frame"].map((key) => [key, model.get(key)]));
  const now = () => disturbances[at.disturbance];
  const row = () => now().first + at.level * n + at.clip; // of the sheets
  const moment = () => Math.min(at.frame, moments - 1);

  // pictures ----------------------------------------------------------------------------------------------------------
  const clip = view(width, height, "The clip");
  const flow = view(fields.width, fields.height, "The flow as colours, with arrows");
  const [clipName, flowName, flowMean] = ["b", "b", "span"].map((tag) => h(tag));
  const sheet = svg("svg", { viewBox: `0 0 ${100 * fields.width} ${100 * fields.height}`, class: "arrows", "aria-hidden": "true" });
  const paths = ["halo", "ink"].map((kind) => svg("path", { class: kind }));
  sheet.append(...paths);
  flow.box.append(sheet);
  /** All frames, or all fields, small; a press on one shows it. */
  function strip(many, { width, height }) {
    const canvases = Array.from({ length: many }, () => h("canvas", { width, height, class: "pixelated" }));
    const box = h("div", { class: "strip", "aria-hidden": "true", style: `--many: ${count}` }, ...canvases);
    drag(box, (fx) => setFrame(partAt(fx, count)));
    return { box, canvases, contexts: canvases.map((canvas) => canvas.getContext("2d")) };
  }
  const [frames, stack] = [strip(count, films), strip(moments, fields)];
  function drawMoment() {
    const frame = films.frame(row() * count + at.frame);
    const field = row() * moments + moment();
    clip.context.putImageData(frame, 0, 0);
    flow.context.putImageData(fields.colours(field), 0, 0);
    const drawn = fields.arrows(field);
    for (const path of paths) path.setAttribute("d", drawn);
    if (gate) gate.below.context.putImageData(frame, 0, 0);
    frames.canvases.forEach((canvas, t) => canvas.classList.toggle("now", t === at.frame));
    stack.canvases.forEach((canvas, t) => canvas.classList.toggle("now", t === moment()));
    clipName.textContent = `frame ${at.frame}`;
    flowName.textContent = `flow ${moment()} → ${moment() + 1}`;
  }
  function drawStrips() {
    frames.contexts.forEach((context, t) => context.putImageData(films.frame(row() * count + t), 0, 0));
    stack.contexts.forEach((context, t) => context.putImageData(fields.colours(row() * moments + t), 0, 0));
    flowMean.textContent = `mean: ${now().lengths[at.level][at.clip].toFixed(2)}`;
  }

  // gate --------------------------------------------------------------------------------------------------------------
  const tones = bytesOf(model.get("gateTones"));
  const pixel = (code) => (255 << 24) | (tones[3 * code + 2] << 16) | (tones[3 * code + 1] << 8) | tones[3 * code];
  const gates = disturbances.map((each) => each.gate && Uint32Array.from(bytesOf(each.gate.codes), pixel));
  const gate = disturbances.some((each) => each.gate) ? makeGate() : null;
  function makeGate() {
    const below = view(width, height, "The frame under the gate");
    const words = h("span", { class: "over-all" });
    const above = h("canvas", { class: "pixelated above", role: "img" });
    below.box.append(above);
    const ends = [0, 64, 128, 191, 255].map((i) => `rgb(${tones.subarray(3 * i, 3 * i + 3).join(" ")})`);
    const bar = h("i", { style: `background: linear-gradient(to right, ${ends})` });
    const scale = h("div", { class: "scale", "aria-hidden": "true" }, bar, h("span", {}, "0 motion"), h("span", {}, "1 picture"));
    scale.append(words);
    const part = h("div", { class: "picture gate" }, caption("gate G", "mean over features"), below.box, scale);
    return { below, above, words, part };
  }
  function drawGate() {
    if (!gate) return;
    const given = now().gate;
    gate.part.classList.toggle("none", !given);
    if (!given) return;
    const [high, wide] = given.shape;
    const first = (at.level * n + at.clip) * high * wide;
    const picture = new ImageData(wide, high);
    new Uint32Array(picture.data.buffer).set(gates[at.disturbance].subarray(first, first + high * wide));
    if (gate.above.width !== wide || gate.above.height !== high) Object.assign(gate.above, { width: wide, height: high });
    gate.above.getContext("2d").putImageData(picture, 0, 0);
    const mean = given.mean[at.level][at.clip].toFixed(2);
    gate.words.textContent = `all places: ${mean}`;
    const kind = `Gate, mean over features, ${high} × ${wide} places, from 0, motion, to 1, picture`;
    gate.above.setAttribute("aria-label", `${kind}; over all places ${mean}`);
  }

  // scores ------------------------------------------------------------------------------------------------------------
  const scores = makeScores({ names, classes, table: model.get("table"), means: model.get("means"), end: model.get("end") });
  const told = h("p", { class: "told", "aria-live": "polite" });
  function drawScores() {
    const { p, top, told: words } = now();
    scores.show(p[at.level][at.clip], top[at.level][at.clip]);
    told.replaceChildren(...words[at.level][at.clip].map(([k, text]) => (k === null ? text : h("b", { "data-of": k }, text))));
  }

  // level: its slider is the axis of the curve ------------------------------------------------------------------------
  const guess = `chance ${Math.round(100 / classes.length)}\u202f%`;
  const curves = disturbances.map(({ accuracy, values }) => accuracy && makeCurve(accuracy, values.length));
  const curve = h("div", { class: "curve" });
  function makeCurve(lines, many) {
    const panel = makePanel("of-accuracy", [...names.keys(), "chance"].map((name) => ({ name, words: "" })), many);
    panel.inner.querySelector(".dot[data-of=chance]").remove(); // its line is level
    const all = [...lines, Array(many).fill(1 / classes.length)];
    const ends = lines.map((line, k) => line && `${names[k]} ${Math.round(100 * line[0])} to ${Math.round(100 * line[many - 1])} %`);
    const words = [...ends.filter(Boolean), guess].join(", ");
    panel.plot.setAttribute("aria-label", `Accuracy from the first level to the last: ${words}`);
    drag(panel.inner, (fx) => setLevel(fx * (many - 1)));
    let drawn = false; // its labels want to know how tall it is
    function draw() {
      if (!drawn) panel.draw(all, [0, 1], [...names, guess]);
      drawn = true;
      panel.box.querySelectorAll(".ticks span").forEach((tick, k) => (tick.textContent = ["100 %", "50 %", "0 %"][k]));
    }
    return { box: panel.box, draw, move: panel.move };
  }
  const level = slider({ name: "level", kind: "level", last: 1, text: (k) => now().values[k], oninput: (k) => setLevel(k) });
  const marks = h("div", { class: "marks", "aria-hidden": "true" });
  function drawAxis() {
    const { name, values } = now();
    level.row.querySelector(".name").textContent = name;
    level.input.setAttribute("aria-label", name);
    level.input.max = values.length - 1;
    const far = (k) => (values.length > 1 ? k / (values.length - 1) : 0);
    marks.replaceChildren(...values.map((value, k) => h("span", { style: `--far: ${far(k)}` }, value)));
    const shown = curves[at.disturbance];
    curve.replaceChildren(...(shown ? [caption(now().head), shown.box] : []));
    shown?.draw();
  }
  function drawLevel() {
    level.set(at.level);
    curves[at.disturbance]?.move(at.level);
    [...marks.children].forEach((mark, k) => mark.classList.toggle("now", k === at.level));
  }

  // controls ----------------------------------------------------------------------------------------------------------
  const last = count - 1;
  const time = slider({ name: "frame t", kind: "t", last, text: (t) => `${t} (0–${last})`, oninput: (t) => setFrame(t) });
  const play = player({ count, fps: films.fps, get: () => at.frame, show: (t) => setFrame(t) });
  const which = dropdown(disturbances.map(({ name }) => name), (k) => setDisturbance(Number(k)));
  const group = ownName();
  const radios = truth.map((c, k) => h("input", { class: "cover", type: "radio", name: group, value: k, onchange: () => setClip(k) }));
  const clips = h(
    "fieldset",
    { class: "clips" },
    h("legend", {}, "clip"),
    ...radios.map((radio, k) => h("label", {}, radio, h("span", {}, `${k + 1}: ${classes[truth[k]]}`))),
  );

  const draw = (...parts) => timed(el, () => parts.forEach((part) => part()));
  const drawView = [drawMoment, drawStrips, drawGate, drawScores];
  /** A whole number from 0 to most, or null where there is none, or where it is shown already. */
  function wanted(key, value, most) {
    if (!Number.isFinite(value)) return null;
    value = clamp(Math.round(value), 0, most);
    return value === at[key] ? null : value;
  }
  function setFrame(value, tell = true) {
    const frame = wanted("frame", value, last);
    if (frame === null) return;
    at.frame = frame;
    draw(drawMoment);
    time.set(frame);
    if (tell) publish(model, { frame });
  }
  function setLevel(value, tell = true) {
    const to = wanted("level", value, now().values.length - 1);
    if (to === null) return;
    at.level = to;
    draw(...drawView, drawLevel);
    if (tell) publish(model, { level: to });
  }
  function setClip(value, tell = true) {
    const to = wanted("clip", value, n - 1);
    if (to === null) return;
    at.clip = to;
    radios[to].checked = true;
    scores.set(truth[to]);
    draw(...drawView);
    if (tell) publish(model, { clip: to });
  }
  function setDisturbance(value, tell = true) {
    const to = wanted("disturbance", value, disturbances.length - 1);
    if (to === null) return;
    at.disturbance = to;
    at.level = Math.min(at.level, now().values.length - 1);
    which.value = to;
    draw(drawAxis, ...drawView, drawLevel);
    if (tell) publish(model, { disturbance: to, level: at.level });
  }

  const picture = (kind, name, { box }, below) => h("div", { class: `picture ${kind}` }, caption(name), box, below);
  const keyWords = [`rim: ${model.get("reach")} px/frame`, "darker: longer"].map((words) => h("span", {}, words));
  const key = h("div", { class: "key-of" }, fields.wheel(), ...keyWords, flowMean);
  const choices = [disturbances.length > 1 ? h("label", {}, "disturbance ", which) : null, n > 1 ? clips : null].filter(Boolean);
  const figure = h(
    "figure",
    { class: "streams", "aria-label": model.get("alt") },
    choices.length ? h("div", { class: "buttons" }, ...choices) : "",
    h(
      "div",
      { class: "inputs" },
      h(
        "div",
        { class: "pictures" },
        picture("clip", clipName, clip, frames.box),
        picture("flow", flowName, flow, stack.box),
        gate ? gate.part : "",
      ),
      h("div", { class: "times" }, play.button, time.row, key),
      h("div", { class: "levels" }, curve, h("div", { class: "axis" }, level.row, marks)),
    ),
    h("div", { class: "answers" }, scores.part, scores.legend, told),
  );
  figure.classList.toggle("gated", Boolean(gate));
  figure.style.setProperty("--label", `${Math.max(...[...names, guess].map((name) => name.length))}ch`); // beside the curve
  for (const [key, set] of Object.entries({ disturbance: setDisturbance, level: setLevel, clip: setClip, frame: setFrame })) {
    model.on(`change:${key}`, () => set(model.get(key), false));
  }
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
  which.value = at.disturbance;
  radios[at.clip].checked = true;
  scores.set(truth[at.clip]);
  time.set(at.frame);
  draw(drawAxis, ...drawView, drawLevel); // once it is on the page, where labels know how tall their panel is
}

export default { render };
