// Pooling over frames: each frame t has a score s_t, and the pooled frame is their weighted mean
//
//     x = Σ_t α_t I_t,   α_t = exp(s_t / τ) / Σ exp(s / τ)
//
// τ → 0 keeps only the frame with the largest score, τ → ∞ is the average. A sum knows no order: shuffle the frames, and see.
import { calm, caption, checkbox, clamp, drag, dropdown, h, mount, openSprite, player, publish, signed, slider, timed, view } from "./kit.js";
import { weighing } from "./weighing.js";

const COLDEST = 0.1; // the ends of the temperature slider
const HOTTEST = 10;
const STEPS = 80; // of the slider, even in log τ
const temperatureOf = (i) => COLDEST * (HOTTEST / COLDEST) ** (i / STEPS);
const stepOf = (tau) => Math.round((STEPS * Math.log(tau / COLDEST)) / Math.log(HOTTEST / COLDEST));
const short = (alpha) => (alpha >= 0.995 ? "1.0" : alpha.toFixed(2).slice(1)); // as in frame_weights.py

function softmax(scores, tau) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp((score - most) / tau));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}
/** exp of the entropy: over how many frames the mean is taken, as it were. */
const effective = (weights) => Math.exp(-weights.reduce((sum, a) => sum + (a > 0 ? a * Math.log(a) : 0), 0));

/** An order of `count` frames that differs from the one before; the same sequence of orders on every page. */
function makeShuffle(count) {
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  return (before) => {
    const order = [...before];
    while (order.every((frame, k) => frame === before[k])) {
      for (let k = count - 1; k > 0; k--) {
        const other = Math.floor(random() * (k + 1));
        [order[k], order[other]] = [order[other], order[k]];
      }
    }
    return order;
  };
}

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const { width, height } = sprite;
  const count = model.get("frames");
  const [allScores, names, [fullHigh, fullWide]] = ["scores", "names", "shape"].map((key) => model.get(key));
  const { sums, add } = weighing(sprite);
  const shuffled = makeShuffle(count);
  const given = [...Array(count).keys()];
  const at = { example: -1, tau: 0, t: -1 };
  let order = given;
  let weights;
  const frame = (t) => sprite.frame(at.example * count + t);

  const film = view(width, height, "The film, in the order in which its frames stand");
  const pooled = view(width, height, "");
  for (const { box } of [film, pooled]) box.style.aspectRatio = `${fullWide} / ${fullHigh}`;

  const cards = given.map((t) => {
    const canvas = h("canvas", { width, height });
    canvas.classList.toggle("pixelated", width < 150);
    const share = h("span", { class: "share" });
    const [bar, score] = [h("i", { class: "bar" }), h("span", { class: "score" })];
    const label = h("span", { class: "t" }, `t ${t}`);
    const box = h("div", { class: "card" }, h("div", { class: "picture" }, canvas), label, share, h("div", { class: "weight" }, bar), score);
    return { box, canvas, context: canvas.getContext("2d"), share, bar, score };
  });
  const strip = h("div", { class: "strip", role: "img" }, ...cards.map(({ box }) => box));
  strip.style.setProperty("--frames", count);
  strip.style.setProperty("--even", `${100 / count}%`);
  strip.style.setProperty("--half", Math.ceil(count / (count > 16 ? 4 : 2)));

  const dim = checkbox("dim by weight", true, () => drawWeights());
  const readout = h("output", { class: "effective" });
  const same = h("div", { class: "same", "aria-live": "polite" });

  function drawFrames() {
    cards.forEach(({ context, score }, t) => {
      context.putImageData(frame(t), 0, 0);
      score.textContent = signed(allScores[at.example][t], 1);
    });
  }
  function drawWeights() {
    const most = Math.max(...weights);
    cards.forEach(({ canvas, share, bar }, t) => {
      canvas.style.opacity = dim.input.checked ? (0.25 + (0.75 * weights[t]) / most).toFixed(3) : 1;
      share.textContent = short(weights[t]);
      bar.style.height = `${(100 * weights[t]).toFixed(2)}%`;
    });
  }
  function drawPooled() {
    add(
      order.map((t) => weights[t]),
      order.map((t) => at.example * count + t),
    );
    const picture = new ImageData(width, height);
    picture.data.set(sums); // rounds by its type
    pooled.context.putImageData(picture, 0, 0);
  }
  function say() {
    const n = effective(weights);
    readout.textContent = `${n.toFixed(1)} of ${count}`;
    const largest = weights.indexOf(Math.max(...weights));
    pooled.canvas.setAttribute("aria-label", `The pooled frame: ${n.toFixed(1)} effective frames, most of frame ${largest}`);
    const each = order.map((t) => `frame ${t}: ${weights[t].toFixed(2)}`).join(", ");
    strip.setAttribute("aria-label", `Frames and their weights: ${each}`);
  }
  const draw = () => [drawWeights, drawPooled].forEach((part) => part());

  const select = dropdown(names, (k) => setExample(Number(k)));
  const temperature = slider({
    name: "temperature τ",
    kind: "tau",
    last: STEPS,
    text: () => at.tau.toPrecision(2),
    oninput: (i) => setTemperature(temperatureOf(i)),
  });
  const time = slider({
    name: "play position",
    kind: "t",
    last: count - 1,
    text: (i) => `${i + 1} of ${count}: frame t ${order[i]}`,
    oninput: (i) => setTime(i),
  });
  const play = player({ count, fps: sprite.fps, get: () => at.t, show: (i) => setTime(i) });
  const shuffle = h("button", { type: "button", onclick: () => setOrder(shuffled(order)) }, "Shuffle the frames");
  const restore = h("button", { type: "button", onclick: () => setOrder(given) }, "Restore the order");

  function setExample(k, tell = true) {
    if (!(k in names) || k === at.example) return;
    at.example = k;
    weights = softmax(allScores[k], at.tau);
    timed(el, () => {
      drawFrames();
      draw();
    });
    select.value = k;
    same.textContent = "";
    say();
    if (at.t >= 0) showFilm();
    if (tell) publish(model, { example: k });
  }
  function setTemperature(tau, tell = true) {
    if (!Number.isFinite(tau)) return;
    at.tau = clamp(tau, COLDEST, HOTTEST);
    if (at.example >= 0) {
      weights = softmax(allScores[at.example], at.tau);
      timed(el, draw);
      same.textContent = "";
      say();
    }
    temperature.set(stepOf(at.tau));
    if (tell) publish(model, { temperature: at.tau });
  }
  function showFilm() {
    film.context.putImageData(frame(order[at.t]), 0, 0);
    cards.forEach(({ box }, t) => box.classList.toggle("now", t === order[at.t]));
  }
  function setTime(i, tell = true) {
    at.t = clamp(Math.round(i), 0, count - 1);
    timed(el, showFilm);
    time.set(at.t);
    if (tell) publish(model, { t: at.t });
  }
  /** The frames take new places and their bars go with them; the pooled frame is added up anew and compared. */
  function setOrder(next, tell = true) {
    const valid = Array.isArray(next) && next.length === count && given.every((t) => next.includes(t));
    if (!valid) return;
    const before = cards.map(({ box }) => [box.offsetLeft, box.offsetTop]);
    const old = Uint8ClampedArray.from(sums);
    order = [...next];
    timed(el, drawPooled);
    strip.append(...order.map((t) => cards[t].box));
    const apart = Uint8ClampedArray.from(sums).reduce((most, level, i) => Math.max(most, Math.abs(level - old[i])), 0);
    const other = order.every((t, k) => t === k) ? "restored" : "shuffled";
    same.textContent =
      apart === 0
        ? `Frames ${other}: the pooled frame is the same in every pixel.`
        : `Frames ${other}: the pooled frame differs by at most ${apart} of 255, by rounding.`;
    setTime(at.t, false);
    say();
    if (!calm()) {
      cards.forEach(({ box }, t) => {
        const [x, y] = [before[t][0] - box.offsetLeft, before[t][1] - box.offsetTop];
        box.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 600, easing: "ease" });
      });
    }
    if (tell) publish(model, { order });
  }
  drag(strip, (fx, fy) => {
    const r = strip.getBoundingClientRect();
    const [x, y] = [r.left + fx * r.width, r.top + fy * r.height];
    const k = order.findIndex((t) => {
      const c = cards[t].box.getBoundingClientRect();
      return x >= c.left && x <= c.right && y >= c.top && y <= c.bottom;
    });
    if (k >= 0) setTime(k);
  });

  const figure = h(
    "figure",
    { class: "frame-weights", "aria-label": model.get("alt") },
    h(
      "div",
      { class: "buttons top" },
      ...(names.length > 1 ? [h("label", {}, "example ", select)] : []),
      shuffle,
      restore,
      dim.row,
    ),
    h("div", {}, caption("frames", "bar: weight α; dashed: 1/T; below: score s"), strip),
    h(
      "div",
      { class: "two pictures" },
      h("div", {}, caption("film, in this order"), film.box),
      h("div", {}, caption("pooled: Σ α I"), pooled.box),
    ),
    h(
      "div",
      { class: "two" },
      h("div", {}, play.button, time.row),
      h(
        "div",
        {},
        h("div", { class: "count" }, h("b", {}, "effective frames "), readout),
        temperature.row,
        h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, "← only the largest"), h("span", {}, "all alike: the average →")),
      ),
    ),
    same,
  );

  setTemperature(model.get("temperature"), false);
  setExample(model.get("example"), false);
  setTime(model.get("t"), false);
  const asked = model.get("order");
  if (asked.some((t, k) => t !== k)) setOrder(asked, false);
  model.on("change:temperature", () => setTemperature(model.get("temperature"), false));
  model.on("change:example", () => setExample(model.get("example"), false));
  model.on("change:t", () => setTime(model.get("t"), false));
  model.on("change:order", () => setOrder(model.get("order"), false));
  el.pooling = () => ({ weights, effective: effective(weights), order }); // for tests
  el.sums = sums;
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
