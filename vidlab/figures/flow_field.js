// A flow as arrows and as colours, and put to the test: the second frame, fetched back along the flow,
//
//     W(x, y) = second(x + s u, y + s v),        s from 0 to 1
//
// is for s = 1 the first frame again, where the flow is right and nothing is hidden.
import { clamp, drag, dropdown, h, mount, openNumbers, openSprite, pair, partAt, publish, signed, slider, svg, timed, view } from "./kit.js";

const GAIN = 2; // the difference is shown so many times as strong, around mid-grey
const COUNTS = [0, 6, 8, 12, 16, 24, 32, 48]; // arrows along the longer side
const STRETCHES = [1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100];
const PARTS = 64; // of a pixel, between which the weights of the interpolation are the same


/** Both frames at the size of the flow: bytes r g b a. */
function framesAt(width, height, frames) {
  return [0, 1].map((k) => {
    if (frames.width === width && frames.height === height) return frames.frame(k).data;
    const small = new OffscreenCanvas(frames.width, frames.height);
    small.getContext("2d").putImageData(frames.frame(k), 0, 0);
    const large = new OffscreenCanvas(width, height).getContext("2d");
    large.drawImage(small, 0, 0, width, height);
    return large.getImageData(0, 0, width, height).data;
  });
}

/** Catmull and Rom's weights of the four pixels at −1, 0, 1 and 2, for every part of the way from 0 to 1. */
const WEIGHTS = Float32Array.from({ length: 4 * (PARTS + 1) }, (_, i) => {
  const t = (i >> 2) / PARTS;
  const four = [((2 - t) * t - 1) * t, (3 * t - 5) * t * t + 2, ((4 - 3 * t) * t + 1) * t, (t - 1) * t * t];
  return four[i & 3] / 2;
});

/** Warps the second frame back into `picture`, and shows in `apart` how that differs from the first. */
function makeWarp(first, second, u, v, width, height, scale) {
  const wide = width + 3; // the border is repeated: one pixel to the left and above, two to the right and below
  const source = new Float32Array(wide * (height + 3) * 3);
  for (let y = 0, to = 0; y < height + 3; y++) {
    for (let x = 0; x < wide; x++) {
      const from = 4 * (clamp(y - 1, 0, height - 1) * width + clamp(x - 1, 0, width - 1));
      for (let c = 0; c < 3; c++) source[to++] = second[from + c];
    }
  }
  const size = width * height;
  const [du, dv] = [u, v].map((part) => part.map((value) => (Number.isFinite(value) ? value / scale : 0)));
  const counts = new Uint8Array(size); // where the whole flow is known and ends inside
  for (let i = 0; i < size; i++) {
    const [x, y] = [(i % width) + u[i] / scale, Math.floor(i / width) + v[i] / scale];
    counts[i] = x > -0.5 && x < width - 0.5 && y > -0.5 && y < height - 0.5 ? 1 : 0;
  }
  const number = counts.reduce((sum, one) => sum + one, 0) || 1;
  const [picture, apart] = [new ImageData(width, height), new ImageData(width, height)];
  const [out, off] = [picture.data.fill(255), apart.data.fill(255)]; // rounded and clipped by their type

  /** Returns the mean difference, in [0, 1]. */
  function compute(share) {
    let total = 0;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const at = Math.min(width - 1, Math.max(0, x + share * du[i]));
        const down = Math.min(height - 1, Math.max(0, y + share * dv[i]));
        const [left, top] = [at | 0, down | 0];
        const across = (((at - left) * PARTS + 0.5) | 0) * 4;
        const below = (((down - top) * PARTS + 0.5) | 0) * 4;
        const [a, b, c, d] = [WEIGHTS[across], WEIGHTS[across + 1], WEIGHTS[across + 2], WEIGHTS[across + 3]];
        let [red, green, blue] = [0, 0, 0];
        for (let j = 0, p = 3 * (top * wide + left); j < 4; j++, p += 3 * wide) {
          const w = WEIGHTS[below + j];
          red += w * (a * source[p] + b * source[p + 3] + c * source[p + 6] + d * source[p + 9]);
          green += w * (a * source[p + 1] + b * source[p + 4] + c * source[p + 7] + d * source[p + 10]);
          blue += w * (a * source[p + 2] + b * source[p + 5] + c * source[p + 8] + d * source[p + 11]);
        }
        const k = 4 * i;
        out[k] = red;
        out[k + 1] = green;
        out[k + 2] = blue;
        const grey = (red + green + blue - first[k] - first[k + 1] - first[k + 2]) / 3;
        off[k] = off[k + 1] = off[k + 2] = 127.5 + GAIN * grey;
        if (counts[i]) total += Math.abs(grey);
      }
    }
    return total / number / 255;
  }
  return { compute, picture, apart };
}

/** Arrows on a grid, in hundredths of a shown pixel; `set(k)` says how many and how much longer than the motion. */
function makeArrows(u, v, width, height, scale, longest) {
  const sheet = svg("svg", { viewBox: `0 0 ${100 * width} ${100 * height}`, class: "arrows", "aria-hidden": "true" });
  const paths = ["halo", "core"].map((kind) => svg("path", { class: kind }));
  sheet.append(...paths);
  const whole = (value) => Math.round(100 * value);
  function set(k) {
    const parts = [];
    const gap = Math.max(width, height) / COUNTS[k];
    const stretch = STRETCHES.filter((s) => s * longest <= 1.2 * gap).pop() ?? 1;
    const [rows, columns] = COUNTS[k] ? [height, width].map((side) => Math.max(1, Math.round(side / gap))) : [0, 0];
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        const [x, y] = [Math.floor(((i + 0.5) * width) / columns), Math.floor(((j + 0.5) * height) / rows)];
        const [a, b] = [u, v].map((part) => (stretch * part[y * width + x]) / scale);
        if (!Number.isFinite(a + b)) continue;
        const [tipX, tipY] = [x + 0.5 + a, y + 0.5 + b];
        parts.push(`M${whole(x + 0.5)} ${whole(y + 0.5)}L${whole(tipX)} ${whole(tipY)}`);
        if (Math.hypot(a, b) < 0.05 * gap) continue; // a dot
        parts.push(`M${whole(tipX - 0.3 * a + 0.18 * b)} ${whole(tipY - 0.3 * b - 0.18 * a)}L${whole(tipX)} ${whole(tipY)}`);
        parts.push(`L${whole(tipX - 0.3 * a - 0.18 * b)} ${whole(tipY - 0.3 * b + 0.18 * a)}`);
      }
    }
    for (const path of paths) path.setAttribute("d", parts.join(""));
    return COUNTS[k] ? `every ${signed(gap * scale, 0)} px, length ×${stretch}` : "none";
  }
  return { sheet, set };
}

async function render({ model, el }) {
  const [sheet, given] = [model.get("flow"), model.get("truth")];
  const { width, height } = sheet;
  const [frames, [u, v], truth, colours] = await Promise.all([
    openSprite(model.get("frames")),
    openNumbers(sheet, 2),
    given && openNumbers(given, 2),
    openSprite(model.get("colours")),
  ]);
  const [scale, largest, error] = ["scale", "largest", "error"].map((name) => model.get(name));
  const toShown = (value) => Math.floor((value + 0.5) / scale);
  const toGiven = (i) => Math.round((i + 0.5) * scale - 0.5);
  const [first, second] = framesAt(width, height, frames);
  const firstPicture = new ImageData(new Uint8ClampedArray(first), width, height);
  const warp = makeWarp(first, second, u, v, width, height, scale);
  const arrows = makeArrows(u, v, width, height, scale, largest / scale);

  const left = view(width, height, "The first frame, or the second one warped back; press to choose a pixel");
  const field = view(width, height, "The flow as colours; press to choose a pixel");
  const apart = view(width, height, "Difference, warped minus first, around mid-grey; press to choose a pixel");
  left.box.append(arrows.sheet);
  const at = { x: undefined, y: undefined };
  let back, picture, shown, mean;

  // What the left picture shows, and how far the second frame is warped back.
  const [leftName, fieldName] = [h("b"), h("b")];
  const meanName = h("span", { class: "axes" });
  const pictures = {
    first: h("button", { type: "button", onclick: () => setPicture("first") }, "First frame"),
    second: h("button", { type: "button", onclick: () => setPicture("second") }, "Second frame"),
  };
  function paint() {
    left.context.putImageData(picture === "first" ? firstPicture : warp.picture, 0, 0);
    leftName.textContent =
      picture === "first" ? "first frame" : back ? `second frame, ${back} % back` : "second frame, not warped";
  }
  function setPicture(name, tell = true) {
    if (!(name in pictures)) return;
    picture = name;
    timed(el, paint);
    for (const [each, button] of Object.entries(pictures)) button.setAttribute("aria-pressed", each === name);
    if (tell) publish(model, { picture: name });
  }
  const warpBack = slider({
    name: "warp back",
    kind: "back",
    last: 100,
    text: (share) => `${share} % of the flow`,
    oninput: (share) => {
      if (picture === "first") setPicture("second");
      setBack(share);
    },
  });
  function setBack(share, tell = true) {
    share = clamp(Math.round(share), 0, 100);
    if (share === back) return;
    back = share;
    timed(el, () => {
      mean = warp.compute(back / 100);
      if (picture !== "first") paint();
      apart.context.putImageData(warp.apart, 0, 0);
    });
    meanName.textContent = `mean ${mean.toFixed(4)}`;
    warpBack.set(back);
    if (tell) publish(model, { back });
  }

  const density = slider({
    name: "arrows",
    last: COUNTS.length - 1,
    text: () => arrowText,
    oninput: (k) => setArrows(k),
  });
  let arrowText = "";
  function setArrows(k, tell = true) {
    k = clamp(Math.round(k), 0, COUNTS.length - 1);
    timed(el, () => (arrowText = arrows.set(k)));
    density.set(k);
    if (tell) publish(model, { arrows: k });
  }

  // The flow or the truth as colours, and their key.
  const fields = { flow: "flow as colours", truth: "true flow as colours" };
  const choice = dropdown({ flow: "flow", truth: "true flow" }, (name) => setField(name));
  function setField(name, tell = true) {
    if (!(name in fields) || (name === "truth" && !truth)) return;
    shown = choice.value = name;
    field.context.putImageData(colours.frame(name === "truth" ? 1 : 0), 0, 0);
    fieldName.textContent = fields[name];
    mark();
    if (tell) publish(model, { field: name });
  }
  const needle = h("i", { class: "needle" });
  const wheel = h("div", { class: "wheel" }, h("img", { src: model.get("wheel"), alt: "" }), needle);
  const key = h(
    "div",
    { class: "key-of", role: "img", "aria-label": `Colours: hue says where to, strength how far, up to ${largest} pixels` },
    wheel,
    h("span", { class: "rim", "aria-hidden": "true" }, `rim: ${largest} px`),
  );
  /** Where the chosen motion stands on the wheel; beyond its rim on the rim. */
  function mark() {
    if (at.x === undefined) return;
    const i = at.y * width + at.x;
    const [a, b] = (shown === "truth" ? truth : [u, v]).map((part) => part[i] / largest);
    const far = Math.max(1, Math.hypot(a, b));
    needle.style.display = Number.isFinite(far) ? "" : "none";
    needle.style.left = `${50 + (50 * a) / far}%`;
    needle.style.top = `${50 + (50 * b) / far}%`;
  }

  const pixelName = h("b");
  const [flowWords, truthWords, meanWords] = ["of-flow", "of-truth", "of-mean"].map((kind) => h("div", { class: kind }));
  if (error !== null) meanWords.textContent = `mean error ${error.toFixed(3)} px`;
  const names = { x: "column x", y: "row y" };
  const last = { x: width - 1, y: height - 1 };
  const sliders = {};
  for (const [axis, name] of Object.entries(names)) {
    const text = (i) => `${toGiven(i)} px (0–${toGiven(last[axis])})`;
    sliders[axis] = slider({ name, kind: axis, last: last[axis], text, oninput: (i) => move({ [axis]: i }) });
  }
  function read() {
    const i = at.y * width + at.x;
    const known = Number.isFinite(u[i] + v[i]);
    pixelName.textContent = `pixel (${toGiven(at.x)}, ${toGiven(at.y)})`;
    flowWords.textContent = known ? `(u, v) = ${pair([u[i], v[i]])} px, length ${Math.hypot(u[i], v[i]).toFixed(2)}` : "flow unknown";
    if (truth) {
      const [a, b] = truth.map((part) => part[i]);
      const real = Number.isFinite(a + b);
      const off = known && real ? `, error ${Math.hypot(u[i] - a, v[i] - b).toFixed(2)} px` : "";
      truthWords.textContent = real ? `truth ${pair([a, b])}${off}` : "truth unknown";
    }
    figure.style.setProperty("--x", `${((at.x + 0.5) / width) * 100}%`);
    figure.style.setProperty("--y", `${((at.y + 0.5) / height) * 100}%`);
    mark();
  }
  function move(to, tell = true) {
    const before = { ...at };
    for (const [axis, wanted] of Object.entries(to)) at[axis] = clamp(Math.round(wanted), 0, last[axis]);
    if (at.x === before.x && at.y === before.y) return;
    timed(el, read);
    for (const axis of Object.keys(to)) {
      sliders[axis].set(at[axis]);
      if (tell) model.set(axis, toGiven(at[axis]));
    }
    if (tell) model.save_changes();
  }
  for (const { box } of [left, field, apart]) {
    box.append(h("i", { class: "spot" }));
    drag(box, (fx, fy) => move({ x: partAt(fx, width), y: partAt(fy, height) }));
  }

  const tile = (caption, { box }) => h("div", {}, h("div", { class: "caption" }, ...caption), box);
  const figure = h(
    "figure",
    { class: "flowfield", "aria-label": model.get("alt"), style: `--shape: ${(3 * width) / height}` },
    h(
      "div",
      { class: "column" },
      tile([leftName], left),
      h("div", { class: "buttons" }, pictures.first, pictures.second),
      warpBack.row,
      density.row,
    ),
    h(
      "div",
      { class: "column" },
      tile([fieldName], field),
      h("div", { class: "legend" }, key, ...(truth ? [h("div", { class: "buttons" }, h("label", {}, "shows ", choice))] : [])),
    ),
    h(
      "div",
      { class: "column" },
      tile([h("b", {}, "difference"), meanName], apart),
      sliders.x.row,
      sliders.y.row,
      h("div", { class: "said" }, pixelName, flowWords, truthWords, meanWords),
    ),
  );

  setField(model.get("field"), false);
  setPicture(model.get("picture"), false);
  setBack(model.get("back"), false);
  setArrows(model.get("arrows"), false);
  paint();
  move({ x: toShown(model.get("x")), y: toShown(model.get("y")) }, false);
  for (const axis of ["x", "y"]) model.on(`change:${axis}`, () => move({ [axis]: toShown(model.get(axis)) }, false));
  for (const [name, set] of Object.entries({ back: setBack, arrows: setArrows, picture: setPicture, field: setField })) {
    model.on(`change:${name}`, () => set(model.get(name), false));
  }
  el.mean = () => mean; // for tests
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
