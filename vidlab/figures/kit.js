// What the widgets of this course are made of. Python puts this file in front of a widget's own (see frame.py),
// so that a figure needs no network and no build step.

/** An element in one line: h("button", { class: "play", onclick: toggle }, "Play"). */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** In which of n equal parts a share f of the whole lies. */
export const partAt = (f, n) => Math.min(n - 1, Math.floor(f * n));

/** Bytes that travelled as base64 letters. */
export const bytesOf = (letters) => Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));

/** WebP in a data URL → decoded bitmap. Decoded once and closed after reading: a sheet can be 60 MB of pixels. */
async function decode(url) {
  const blob = new Blob([bytesOf(url.slice(url.indexOf(",") + 1))], { type: "image/webp" });
  return createImageBitmap(blob, { colorSpaceConversion: "none" });
}

/** The sheet of frames as one volume: `volume[(t * height + y) * width + x]` is a pixel, four bytes r g b a. */
export async function openSprite(sprite) {
  const { width, height, count, columns, cell } = sprite;
  const volume = new Uint32Array(count * height * width);
  const sheet = await decode(sprite.sheet);
  const strip = new OffscreenCanvas(columns * cell[1], cell[0]).getContext("2d", { willReadFrequently: true });
  for (let row = 0; row * columns < count; row++) {
    strip.drawImage(sheet, 0, -row * cell[0]);
    const pixels = new Uint32Array(strip.getImageData(0, 0, columns * cell[1], cell[0]).data.buffer);
    for (let column = 0; column < Math.min(columns, count - row * columns); column++) {
      for (let y = 0; y < height; y++) {
        const from = y * columns * cell[1] + column * cell[1];
        const to = ((row * columns + column) * height + y) * width;
        volume.set(pixels.subarray(from, from + width), to);
      }
    }
  }
  sheet.close();
  if (sprite.base) addBase(new Uint8ClampedArray(volume.buffer), await decode(sprite.base), width, height);

  const bytes = width * height * 4;
  return {
    ...sprite,
    volume,
    scale: sprite.source[2] / width,
    seconds: `${(sprite.source[0] / sprite.fps).toFixed(1)} s`,
    frame: (t) => new ImageData(new Uint8ClampedArray(volume.buffer, t * bytes, bytes), width, height), // no copy
    when: (t) => `${((t * sprite.step) / sprite.fps).toFixed(2)} s`,
  };
}

/** A sheet of differences holds 128 + 255 d / (255 + |d|) for d = frame − base (see sprite.py). */
function addBase(frames, bitmap, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const base = context.getImageData(0, 0, width, height).data;
  const d = Int16Array.from({ length: 256 }, (_, v) => Math.round((255 * (v - 128)) / (255 - Math.abs(v - 128))));
  for (let start = 0; start < frames.length; start += base.length) {
    for (let i = 0; i < base.length; i++) frames[start + i] = base[i] + d[frames[start + i]]; // clipped by its type
  }
}

/** A canvas of width × height data pixels in a box that lines can be laid over. */
export function view(width, height, name) {
  const canvas = h("canvas", { width, height, role: "img", "aria-label": name });
  if (width < 150) canvas.classList.add("pixelated"); // a small clip is shown as the squares it is made of
  const box = h("div", { class: "view", style: `aspect-ratio: ${width} / ${height}` }, canvas);
  return { box, canvas, context: canvas.getContext("2d") };
}

/** The line above a picture: its name, and in softer words what belongs to it. */
export const caption = (name, ...words) =>
  h("div", { class: "caption" }, typeof name === "string" ? h("b", {}, name) : name, h("span", { class: "axes" }, ...words));

/** Call `move(fx, fy, first)` with fractions of the box in [0, 1] while the pointer is down. */
export function drag(box, move) {
  const at = (event, first) => {
    const r = box.getBoundingClientRect();
    move(clamp((event.clientX - r.left) / r.width, 0, 1), clamp((event.clientY - r.top) / r.height, 0, 1), first);
  };
  box.classList.add("drag");
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    at(event, true);
  });
  box.addEventListener("pointermove", (event) => box.hasPointerCapture(event.pointerId) && at(event, false));
}

/** A native range input over 0 … last with a visible name; `text(value)` is both shown and read aloud. */
export function slider({ name, last, text, oninput, kind = "" }) {
  const input = h("input", { type: "range", min: 0, max: last, step: 1, "aria-label": name });
  const readout = h("span", { class: "readout", "aria-hidden": "true" });
  input.addEventListener("input", () => oninput(Number(input.value)));
  const row = h("label", { class: `slider ${kind}` }, h("span", { class: "name" }, name), readout, input);
  const set = (value) => {
    input.value = value;
    readout.textContent = text(value);
    input.setAttribute("aria-valuetext", text(value));
  };
  return { row, input, set };
}

/** A box to tick, with its words in `row`. */
export function checkbox(words, checked, onchange) {
  const input = h("input", { type: "checkbox", onchange: () => onchange(input.checked) });
  input.checked = checked;
  return { input, row: h("label", {}, input, ` ${words}`) };
}

/** A native list to choose from, of { value: words }, or of words for 0, 1, 2 … */
export function dropdown(options, onchange) {
  const node = h("select", { onchange: () => onchange(node.value) });
  for (const [value, words] of Object.entries(options)) node.append(h("option", { value }, words));
  return node;
}

/** A name for a group of radio buttons: two copies of a figure do not share their choice. */
export const ownName = () => `group-${Math.random().toString(36).slice(2)}`;

/** Whether the reader asked for less motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Plays frames 0 … count − 1 by the wall clock, never by itself: only when its button or the space bar says so. */
export function player({ count, fps, show, get }) {
  const icon = h("span", { class: "icon", "aria-hidden": "true" });
  const word = h("span");
  const button = h("button", { type: "button", class: "play", onclick: () => toggle() }, icon, word);
  const self = { button, speed: 1, loop: !calm(), playing: false, toggle };
  let position, last;
  function toggle(on = !self.playing) {
    self.playing = on;
    icon.textContent = on ? "❚❚" : "▶";
    word.textContent = on ? "Pause" : "Play";
    if (!on) return;
    position = get() >= count - 1 ? 0 : get();
    last = performance.now();
    requestAnimationFrame(tick);
  }
  function tick(now) {
    if (!self.playing || !button.isConnected) return;
    if (get() !== Math.floor(position)) position = get(); // someone moved the slider meanwhile
    position += (Math.max(0, now - last) / 1000) * fps * self.speed;
    last = now;
    if (position >= count && !self.loop) {
      show(count - 1);
      return toggle(false);
    }
    position %= count;
    if (Math.floor(position) !== get()) show(Math.floor(position));
    requestAnimationFrame(tick);
  }
  toggle(false);
  return self;
}

const OURS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", " "];

/** Give the model new values, and Python, where it listens. */
export function publish(model, values) {
  for (const [key, value] of Object.entries(values)) model.set(key, value);
  model.save_changes();
}

/** Put a finished figure in place of its poster. Keys a control uses stay here: notebooks and slides bind them too. */
export function mount(el, figure, { caption, space } = {}) {
  if (caption) figure.append(h("figcaption", {}, caption));
  figure.addEventListener("keydown", (event) => {
    if (OURS.includes(event.key)) event.stopPropagation();
    if (event.key === " " && space && event.target.type === "range") {
      event.preventDefault();
      space();
    }
  });
  el.classList.add("vidlab");
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own word for "leave the keys to this element"
  el.replaceChildren(figure);
  if (typeof speak === "function") speak(el); // in another language: see vidlab/translate/speak.js
  requestAnimationFrame(() => requestAnimationFrame(() => (el.dataset.ready = "")));
}

/** Run a drawing function and leave its time, in milliseconds, on the element for the benchmark to read. */
export function timed(el, draw) {
  const start = performance.now();
  draw();
  el.dataset.drawMs = (performance.now() - start).toFixed(2);
}

/** A node of a drawing with these attributes. */
export function svg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A number with a true minus, and without one before zero; a motion. */
export const signed = (value, digits = 2) => (Number(value.toFixed(digits)) + 0).toFixed(digits).replace("-", "−");
export const pair = ([u, v]) => `(${signed(u)}, ${signed(v)})`;

const UNKNOWN = -32768; // as in pair.py: the code of what is no number

/** Maps of numbers from the bytes of a picture (see pair.py): three to a picture, first all high bytes, then all low. */
export async function openNumbers(sheet, maps) {
  const { volume, width, height, count } = await openSprite(sheet);
  const bytes = new Uint8Array(volume.buffer);
  const size = width * height;
  return Array.from({ length: maps }, (_, k) => {
    const [high, low] = [0, count / 2].map((half) => 4 * (Math.floor(k / 3) + half) * size + (k % 3));
    return Float64Array.from({ length: size }, (_, i) => {
      const code = 256 * bytes[high + 4 * i] + bytes[low + 4 * i] + UNKNOWN;
      return code === UNKNOWN ? NaN : code * sheet.unit;
    });
  });
}
