// Gates: what a ConvLSTM or a ConvGRU writes, keeps and shows. Its state is a map, so each gate is a picture too: above,
// all of them at one moment beside the frame that the network sees; below, all moments at one place of the map.
import { bytesOf, caption, checkbox, clamp, drag, h, mount, openSprite, partAt, player, publish, signed, slider, timed, view } from "./kit.js";
import { makePanel, short } from "./gates_panel.js";

const MEAN = "mean";
const TONES = 254; // the last of the colours

/** The maps: `code(n, k)` is a film of whole steps, `value(n, k, t, i)` a number; n is a quantity, k a channel. */
async function openMaps(model) {
  const sheet = await openSprite(model.get("sheet"));
  const bytes = new Uint8Array(sheet.volume.buffer);
  const [[high, wide], steps, ends] = ["shape", "steps", "ends"].map((key) => model.get(key));
  const [size, films] = [high * wide, sheet.height / high];
  const count = sheet.count / Math.ceil(ends.length / 3);
  const codes = ends.map((_, n) =>
    Array.from({ length: films }, (_, k) =>
      Uint8Array.from({ length: count * size }, (_, j) => {
        const [t, i] = [Math.floor(j / size), j % size];
        return bytes[4 * (((Math.floor(n / 3) * count + t) * films + k) * size + i) + (n % 3)];
      }),
    ),
  );
  const value = (n, k, t, i) => {
    const [low, top] = ends[n][k];
    return low + codes[n][k][t * size + i] * ((top - low) / steps);
  };
  return { high, wide, size, count, steps, ends, code: (n, k) => codes[n][k], value };
}

/** 255 colours as pixels, from bytes r g b. */
function openColours(letters) {
  const bytes = bytesOf(letters);
  const pixel = (i) => (255 << 24) | (bytes[i + 2] << 16) | (bytes[i + 1] << 8) | bytes[i];
  return Uint32Array.from({ length: TONES + 1 }, (_, i) => pixel(3 * i));
}
const css = (pixel) => `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
const gradient = (colours) => {
  const stops = [...Array(17).keys()].map((i) => css(colours[Math.round((i * (colours.length - 1)) / 16)]));
  return `linear-gradient(to top, ${stops})`;
};

const share = (gate) => (gate >= 0.995 ? "1.0" : gate.toFixed(2).slice(1));

async function render({ model, el }) {
  const [sprite, maps] = await Promise.all([openSprite(model.get("sprite")), openMaps(model)]);
  const { high, wide, size, count, steps, ends } = maps;
  const [quantities, channels, memory] = ["quantities", "channels", "memory"].map((key) => model.get(key));
  const [gate, both] = ["gate", "signed"].map((kind) => openColours(model.get("colours")[kind]));
  const coloursOf = (q) => (q.signed ? both : gate);
  const number = Object.fromEntries(quantities.map(({ name }, n) => [name, n]));
  const groups = [quantities.filter((q) => !q.signed), quantities.filter((q) => q.signed)];
  const at = { t: model.get("t"), channel: model.get("channel"), place: model.get("place") };
  let preview = null; // the place under the pointer
  const film = () => (at.channel === MEAN ? channels.length : channels.indexOf(at.channel));
  const here = () => preview ?? at.place;
  const written = (q) => (q.signed && at.channel === MEAN ? `|${q.sign}|` : q.sign); // a mean of both signs says little
  const values = (t) => quantities.map((_, n) => maps.value(n, film(), t, here()[0] * wide + here()[1]));

  // pictures ----------------------------------------------------------------------------------------------------------
  const shape = sprite.source[2] / sprite.source[1];
  const outlines = [];
  function surface(name, width, height, tabindex) {
    const made = view(width, height, name);
    made.box.style.aspectRatio = shape;
    made.canvas.classList.add("pixelated");
    for (const kind of ["chosen", "looked-at"]) {
      const mark = h("i", { class: `place ${kind}`, style: `width: ${100 / wide}%; height: ${100 / high}%` });
      outlines.push([kind, mark]);
      made.box.append(mark);
    }
    const placeAt = (fx, fy) => [partAt(fy, high), partAt(fx, wide)];
    drag(made.box, (fx, fy, first) => {
      if (first) made.box.focus({ preventScroll: true });
      setPlace(placeAt(fx, fy));
    });
    made.box.addEventListener("pointermove", (event) => {
      if (event.buttons || event.pointerType === "touch") return; // a press chooses
      const r = made.box.getBoundingClientRect();
      const [fx, fy] = [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height];
      look(placeAt(clamp(fx, 0, 1), clamp(fy, 0, 1)));
    });
    made.box.addEventListener("pointerleave", () => look(null));
    made.box.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      setPlace(at.place.map((each, k) => each + way[k]));
    });
    made.box.setAttribute("role", "application");
    made.box.setAttribute("tabindex", tabindex);
    return { ...made, name };
  }
  const frameName = h("b");
  const frame = surface("The frame", sprite.width, sprite.height, 0);
  const pictures = quantities.map(({ name, sign, words }) => {
    const picture = surface(words, wide, high, -1); // one stop for the tab key is enough
    const bytes = picture.context.createImageData(wide, high);
    const scale = h("span", { class: "scale" });
    const symbol = h("span", { class: "sign" }, sign);
    const title = h("b", { "data-of": name }, symbol, h("span", { class: "words" }, ` ${words.replace(" gate", "")}`));
    if (words.endsWith(" gate")) title.append(h("span", { class: "gate" }, " gate"));
    return { ...picture, bytes, pixels: new Uint32Array(bytes.data.buffer), scale, symbol, sign, title };
  });
  /** The colour of each code, as the channel and the scale want it. */
  let tones = [];
  function setTones() {
    const [k, own] = [film(), stretch.input.checked];
    tones = quantities.map((q, n) => {
      const [low, top] = ends[n][k];
      const part = (code) => (q.signed || own ? code / steps : low + ((top - low) * code) / steps);
      const tone = (code) => clamp(Math.floor(part(code) * TONES + 0.5), 0, TONES);
      return Uint32Array.from({ length: steps + 1 }, (_, code) => coloursOf(q)[tone(code)]);
    });
    quantities.forEach((q, n) => {
      const [low, top] = ends[n][k];
      pictures[n].symbol.textContent = written(q);
      const ofGate = own ? `${share(low)}–${share(top)}` : "0–1";
      pictures[n].scale.textContent = q.signed ? `${at.channel === MEAN ? "0–" : "±"}${short(top)}` : ofGate;
    });
    bars[0].set(own ? ["max", "min"] : ["1", "0"], gate);
    if (at.channel === MEAN) bars[1].set(["max", "0"], both.subarray(TONES / 2));
    else bars[1].set(["+", "0", "−"], both);
    figure.classList.toggle("stretched", own);
  }
  function drawMaps() {
    const k = film();
    pictures.forEach(({ context, bytes, pixels }, n) => {
      const codes = maps.code(n, k);
      for (let i = 0; i < size; i++) pixels[i] = tones[n][codes[at.t * size + i]];
      context.putImageData(bytes, 0, 0);
    });
  }
  function drawPlaces() {
    for (const [kind, mark] of outlines) {
      const place = kind === "chosen" ? at.place : preview;
      mark.style.display = place ? "" : "none";
      if (place) Object.assign(mark.style, { top: `${(100 * place[0]) / high}%`, left: `${(100 * place[1]) / wide}%` });
    }
  }
  const bars = groups.map(() => {
    const [strip, ends] = [h("i"), h("div")];
    const set = (words, tones) => {
      strip.style.background = gradient(tones);
      ends.replaceChildren(...words.map((word) => h("span", {}, word)));
    };
    return { set, box: h("div", { class: "bar", "aria-hidden": "true" }, strip, ends) };
  });

  // lines -------------------------------------------------------------------------------------------------------------
  const panels = groups.map((members, k) => makePanel(k ? "of-memory" : "of-gates", members, count));
  for (const { inner } of panels) drag(inner, (fx) => setTime(fx * last));
  const times = [...Array(count).keys()];
  function drawLines() {
    const cell = here()[0] * wide + here()[1];
    groups.forEach((members, g) => {
      const seen = members.map(({ name }) => name !== "candidate" || candidate.input.checked);
      const line = ({ name }) => times.map((t) => maps.value(number[name], film(), t, cell));
      const lines = members.map((q, k) => (seen[k] ? line(q) : null));
      const reach = Math.max(...members.map(({ name }, k) => (seen[k] ? ends[number[name]][film()][1] : 0))) || 1;
      panels[g].draw(lines, g ? [at.channel === MEAN ? 0 : -reach, reach] : [0, 1], members.map(written));
    });
  }
  const moveCursor = () => panels.forEach((panel) => panel.move(at.t));

  // words -------------------------------------------------------------------------------------------------------------
  const said = h("div", { class: "said" });
  const sum = h("div", { class: "sum" });
  const where = h("span");
  const live = h("div", { class: "words-below" }, said, sum);
  const two = (value) => signed(value, 2);
  function say() {
    const [row, column] = here();
    const now = values(at.t);
    const mean = at.channel === MEAN;
    const which = mean ? `mean of ${model.get("all")} channels` : `channel ${at.channel}`;
    const told = quantities.map((q, n) => `${mean && q.signed ? `|${q.words}|` : q.words} ${two(now[n])}`).join(", ");
    said.textContent = `Frame ${at.t}, place row ${row} column ${column}, ${which}: ${told}.`;
    frameName.textContent = `frame ${at.t}`;
    where.textContent = `row ${row}, column ${column} · ${which}`;
    const words = `Row ${row} column ${column} of ${high} rows and ${wide} columns; arrow keys move it`;
    for (const { box, name } of [frame, ...pictures]) box.setAttribute("aria-label", `${name}. ${words}`);
    live.setAttribute("aria-live", play.playing ? "off" : "polite");
    ["Gates", "Memory"].forEach((kind, g) => {
      panels[g].plot.setAttribute("aria-label", `${kind} over time at row ${row} column ${column}`);
    });
    sum.replaceChildren(...equation(now));
  }
  /** What of the memory was kept and what was written: true of one channel, not of means. */
  function equation(now) {
    const sub = (letter, when) => [letter, h("sub", {}, when)];
    const old = sub(memory, "t−1");
    const rule = memory === "c" ? ["f · ", ...old, " + i · c̃"] : ["(1 − z) · ", ...old, " + z · h̃"];
    const words = [...sub(memory, "t"), " = ", ...rule];
    if (!model.get("holds") || at.channel === MEAN || !at.t) return words;
    const value = (name) => now[number[name]];
    const before = values(at.t - 1)[number[memory]];
    const [keep, write] = memory === "c" ? [value("f"), value("i")] : [1 - value("z"), value("z")];
    const plain = (v) => (two(v).startsWith("−") ? `(${two(v)})` : two(v));
    const terms = `${two(keep)} · ${plain(before)} + ${two(write)} · ${plain(value("candidate"))}`;
    const parts = `${two(keep * before)} kept + ${plain(write * value("candidate"))} written`;
    return [...words, ` = ${terms} = ${parts} = ${two(value(memory))}`];
  }

  // controls ----------------------------------------------------------------------------------------------------------
  const last = count - 1;
  const time = slider({ name: "frame t", kind: "t", last, text: (t) => `${t} (0–${last})`, oninput: (t) => setTime(t) });
  const play = player({ count, fps: sprite.fps, get: () => at.t, show: (t) => setTime(t) });
  const choices = [...channels.map((channel) => [channel, channel]), [MEAN, `mean over all ${model.get("all")}`]];
  const options = choices.map(([value, words]) => h("option", { value }, words)); // the most active first, so no object
  const select = h("select", { onchange: () => setChannel(select.value) }, ...options);
  const stretch = checkbox("gates in their own range", false, () => {
    setTones();
    timed(el, drawMaps);
  });
  const candidate = checkbox(`${quantities[number.candidate].sign} in the lines`, true, () => {
    drawLines();
    moveCursor();
  });

  const drawFrame = () => frame.context.putImageData(sprite.frame(at.t), 0, 0);
  const draw = (...parts) => timed(el, () => parts.forEach((part) => part()));
  function setTime(t, tell = true) {
    if (!Number.isFinite(t)) return;
    t = clamp(Math.round(t), 0, last);
    time.set(t);
    if (t === at.t) return;
    at.t = t;
    draw(drawFrame, drawMaps, moveCursor, say);
    if (tell) publish(model, { t });
  }
  const drawHere = () => draw(drawPlaces, drawLines, moveCursor, say);
  function look(place) {
    if (place?.join() === preview?.join()) return;
    preview = place;
    drawHere();
  }
  function setPlace(place, tell = true) {
    if (!Array.isArray(place) || place.length !== 2 || !place.every(Number.isFinite)) return;
    preview = null;
    at.place = [clamp(Math.round(place[0]), 0, high - 1), clamp(Math.round(place[1]), 0, wide - 1)];
    drawHere();
    if (tell) publish(model, { place: at.place });
  }
  function setChannel(channel, tell = true) {
    channel = channel === MEAN ? MEAN : Number(channel);
    if (channel !== MEAN && !channels.includes(channel)) return;
    at.channel = channel;
    select.value = channel;
    draw(setTones, drawMaps, drawLines, moveCursor, say);
    if (tell) publish(model, { channel });
  }

  const row = (members, k) => [
    ...members.map(({ name }) => {
      const { box, title, scale } = pictures[number[name]];
      return h("div", { class: "map" }, caption(title, scale), box);
    }),
    bars[k].box,
  ];
  const many = Math.max(...groups.map((members) => members.length));
  const style = `--many: ${many}; --columns: 2fr ${many}fr; --most: ${many > 2 ? 980 : 860}px`;
  const lines = [...panels.map(({ box }) => box), h("div", { class: "when" }, time.row)];
  const figure = h(
    "figure",
    { class: "gates", "aria-label": model.get("alt"), style },
    h("div", { class: "buttons" }, play.button, h("label", {}, "channel ", select), stretch.row, candidate.row),
    h("div", { class: "frame" }, caption(frameName), frame.box),
    h("div", { class: "maps" }, ...groups.flatMap(row)),
    h("div", { class: "lines" }, caption("over time at this place", where), ...lines),
    live,
  );
  model.on("change:t", () => setTime(model.get("t"), false));
  model.on("change:channel", () => setChannel(model.get("channel"), false));
  model.on("change:place", () => setPlace(model.get("place"), false));
  el.maps = maps; // for tests
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
  select.value = at.channel; // drawn once it is on the page, where labels know how tall their panel is
  time.set(at.t);
  draw(drawFrame, setTones, drawMaps, drawHere);
}

export default { render };
