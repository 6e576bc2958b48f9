// Tracks: a film that plays under its tracked points. Each point is a dot with a tail of where it was; its colour says
// where it goes, or how fast. A point that is lost fades away.
import { bytesOf, checkbox, clamp, dropdown, h, mount, openSprite, player, publish, slider, timed, view } from "./kit.js";

const SPAN = 4; // frames over which a point's velocity is taken
const STILL = 0.05; // pixels a frame, below which a direction means nothing
const FADE = 12; // frames in which a dead point fades
const LONGEST = 60; // frames of a tail
const GREY = "#c8c8c8";
const PARTS = [0.3, 0.6, 1]; // how strong a tail is, from its oldest third to its newest

/** Places and lives of all points, frame after frame: `x[t * n + i]` is that of point i at t, in pixels of the clip. */
function openTracks(model, count, step) {
  const [n, unit, start] = ["points", "unit", "start"].map((key) => model.get(key));
  const moves = new Int8Array(bytesOf(model.get("moves")).buffer);
  const bits = bytesOf(model.get("alive"));
  const [x, y] = [new Float64Array(count * n), new Float64Array(count * n)];
  const born = new Int32Array(count * n); // the frame in which the life began that goes on, or was the last
  const seen = new Int32Array(count * n).fill(-1); // the last frame up to t in which the point was alive
  for (let j = 0; j < count * n; j++) {
    const [t, i] = [Math.floor(j / n), j % n];
    x[j] = t ? x[j - n] + moves[2 * (j - n)] * unit : start[2 * i] * unit;
    y[j] = t ? y[j - n] + moves[2 * (j - n) + 1] * unit : start[2 * i + 1] * unit;
    if (t) [born[j], seen[j]] = [born[j - n], seen[j - n]];
    if (!((bits[j >> 3] >> (j & 7)) & 1)) continue;
    if (seen[j] !== t - 1 || !t) born[j] = t;
    seen[j] = t;
  }
  const alive = (t, i) => t >= 0 && t < count && seen[t * n + i] === t;
  /** [u, v] of a point that is alive at t: over its last frames; in its first one, over the next. */
  function velocity(t, i) {
    let [from, to] = [Math.max(born[t * n + i], t - SPAN), t];
    if (from === to && alive(t + 1, i)) to = t + 1;
    const [a, b, time] = [from * n + i, to * n + i, Math.max(1, to - from) * step];
    return [(x[b] - x[a]) / time, (y[b] - y[a]) / time];
  }
  return { n, x, y, born, seen, alive, velocity };
}

/** For each frame and point the number of its colour: those of a list, and after them grey. */
function binned(tracks, count, bin) {
  const bins = new Uint8Array(count * tracks.n);
  for (let t = 0; t < count; t++) {
    for (let i = 0; i < tracks.n; i++) {
      if (tracks.alive(t, i)) bins[t * tracks.n + i] = bin(...tracks.velocity(t, i));
    }
  }
  return bins;
}

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const { width, height, count, step, source } = sprite;
  const tracks = openTracks(model, count, step);
  const { n, x, y, born, seen } = tracks;
  const [directions, ramp, top] = ["directions", "ramp", "top"].map((key) => model.get(key));
  const turns = directions.length;
  const colourings = {
    direction: {
      colours: [...directions, GREY],
      bins: binned(tracks, count, (u, v) => {
        if (Math.hypot(u, v) < STILL) return turns;
        return ((Math.floor((Math.atan2(v, u) / (2 * Math.PI)) * turns + 0.5) % turns) + turns) % turns;
      }),
    },
    speed: {
      colours: ramp,
      bins: binned(tracks, count, (u, v) => clamp(Math.floor((Math.hypot(u, v) / top) * ramp.length), 0, ramp.length - 1)),
    },
  };

  const film = view(width, height, "The film under its tracked points");
  film.box.style.aspectRatio = `${source[2]} / ${source[1]}`;
  const sheet = h("canvas", { class: "over", "aria-hidden": "true" });
  film.box.append(sheet);
  const pen = sheet.getContext("2d");
  let t, tail, colouring;
  const shows = { points: true, tails: true };

  /** All points of one colour are one path: a stroke costs more than the lines in it. */
  function draw() {
    const zoom = sheet.width / source[2];
    const thick = sheet.width / (sheet.clientWidth || sheet.width); // pixels of the sheet in one of the page
    const { colours, bins } = colouring;
    pen.clearRect(0, 0, sheet.width, sheet.height);
    pen.lineJoin = "round";
    const living = colours.map(() => []);
    const dead = [];
    for (let i = 0; i < n; i++) {
      const last = seen[t * n + i];
      if (last === t) living[bins[t * n + i]].push(i);
      else if (last >= 0 && t - last < Math.max(FADE, tail)) dead.push(i);
    }
    const across = (j) => (x[j] + 0.5) * zoom;
    const down = (j) => (y[j] + 0.5) * zoom;
    /** The part of a tail between two ages, in frames before t. */
    const trace = (i, oldest, newest) => {
      const last = seen[t * n + i];
      const from = Math.max(t - oldest, born[last * n + i]);
      const to = Math.min(t - newest, last);
      if (to <= from) return;
      pen.moveTo(across(from * n + i), down(from * n + i));
      for (let s = from + 1; s <= to; s++) pen.lineTo(across(s * n + i), down(s * n + i));
    };
    const stroke = (list, oldest, newest, colour, alpha, lineWidth) => {
      if (!list.length) return;
      pen.beginPath();
      for (const i of list) trace(i, oldest, newest);
      Object.assign(pen, { strokeStyle: colour, globalAlpha: alpha, lineWidth: lineWidth * thick });
      pen.stroke();
    };
    if (shows.tails && tail) {
      stroke(dead, tail, 0, GREY, 0.5, 1.5);
      stroke(living.flat(), tail, 0, "#000", 0.4, 4);
      PARTS.forEach((alpha, part) => {
        const [oldest, newest] = [PARTS.length - part, PARTS.length - part - 1].map((k) =>
          Math.round((tail * k) / PARTS.length),
        );
        living.forEach((list, k) => stroke(list, oldest, newest, colours[k], alpha, 2));
      });
    }
    if (!shows.points) return;
    const dots = (list, radius) => {
      pen.beginPath();
      for (const i of list) {
        const j = t * n + i;
        pen.moveTo(across(j) + radius * thick, down(j));
        pen.arc(across(j), down(j), radius * thick, 0, 2 * Math.PI);
      }
    };
    for (let age = 1; age < FADE; age++) {
      const list = dead.filter((i) => t - seen[t * n + i] === age);
      if (!list.length) continue;
      dots(list, 3.5);
      Object.assign(pen, { strokeStyle: GREY, globalAlpha: 1 - age / FADE, lineWidth: 1.5 * thick });
      pen.stroke();
    }
    pen.globalAlpha = 1;
    dots(living.flat(), 4.5);
    pen.fillStyle = "#000";
    pen.fill();
    living.forEach((list, k) => {
      if (!list.length) return;
      dots(list, 3.5);
      pen.fillStyle = colours[k];
      pen.fill();
    });
  }

  const redraw = () => t !== undefined && timed(el, draw);

  const [alive, speeds, found] = ["living", "speeds", "found"].map((key) => model.get(key));
  const readout = h("span", { class: "axes" });
  const frameName = h("b");
  const time = slider({
    name: "frame t",
    kind: "t",
    last: count - 1,
    text: (i) => `${i * step} (0–${source[0] - 1}) · ${sprite.when(i)}`,
    oninput: (i) => setTime(i),
  });
  const length = slider({
    name: "tail",
    last: Math.max(LONGEST, model.get("tail")),
    text: (i) => `${i} frame${i === 1 ? "" : "s"}`,
    oninput: (i) => setTail(i),
  });
  function setTime(i, tell = true) {
    i = clamp(Math.round(i), 0, count - 1);
    if (i === t) return;
    t = i;
    timed(el, () => {
      film.context.putImageData(sprite.frame(t), 0, 0);
      draw();
    });
    time.set(t);
    frameName.textContent = `frame ${t * step}`;
    const speed = speeds[t] === null ? "" : ` · mean speed ${speeds[t].toFixed(2)} px/frame`;
    readout.textContent = `${alive[t]} of ${found} alive${speed}`;
    if (tell) publish(model, { t: t * step });
  }
  function setTail(frames, tell = true) {
    if (frames === tail) return;
    tail = clamp(frames, 0, Number(length.input.max));
    redraw();
    length.set(tail);
    if (tell) publish(model, { tail });
  }
  const play = player({ count, fps: sprite.fps / step, get: () => t, show: setTime });

  const toggle = (name) => checkbox(name, true, (on) => ((shows[name] = on), redraw())).row;
  const colour = dropdown({ direction: "direction", speed: "speed" }, (name) => setColour(name));
  const wheel = h("i", { class: "wheel", style: `background: conic-gradient(from 90deg, ${[...directions, directions[0]]})` });
  const bar = h("i", { class: "bar", style: `background: linear-gradient(to right, ${ramp})` });
  const legend = h("span", { class: "legend" });
  function setColour(name, tell = true) {
    if (!(name in colourings)) return;
    colouring = colourings[name];
    colour.value = name;
    legend.replaceChildren(...(name === "direction" ? [wheel, "grey: still"] : ["0", bar, `${top} px/frame`]));
    redraw();
    if (tell) publish(model, { colour: name });
  }

  const figure = h(
    "figure",
    { class: "tracks", "aria-label": model.get("alt"), style: `--shape: ${source[2] / source[1]}` },
    h("div", {}, h("div", { class: "caption" }, frameName, readout), film.box),
    h(
      "div",
      { class: "buttons" },
      play.button,
      toggle("points"),
      toggle("tails"),
      h("label", {}, "colour ", colour),
      legend,
    ),
    h("div", { class: "sliders" }, time.row, length.row),
  );

  setColour(model.get("colour"), false);
  setTail(model.get("tail"), false);
  setTime(model.get("t") / step, false);
  model.on("change:t", () => setTime(model.get("t") / step, false));
  model.on("change:tail", () => setTail(model.get("tail"), false));
  model.on("change:colour", () => setColour(model.get("colour"), false));
  el.tracks = tracks; // for tests
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
  new ResizeObserver(() => {
    const sharp = (side) => Math.max(1, Math.round(side * devicePixelRatio));
    [sheet.width, sheet.height] = [sharp(film.box.clientWidth), sharp(film.box.clientHeight)];
    draw();
  }).observe(film.box);
}

export default { render };
