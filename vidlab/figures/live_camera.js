// What a camera sees, cut and compared while one watches. Until the reader starts the camera, and wherever there is none,
// a clip goes through the very same views.
import { calm, caption, checkbox, drag, dropdown, h, mount, openSprite, ownName } from "./kit.js";
import { partAt, publish, slider, timed, view } from "./kit.js";
import { openCamera, reasonOf, REASONS } from "./live_source.js";
import { makeViews, paintMotion } from "./live_views.js";

const PRIVACY =
  "Nothing leaves this page and nothing is recorded: the camera’s last frames are held in memory, to cut and compare " +
  "them, and are forgotten when it stops.";
const KEY = 64; // pixels

/** The key to the colours of the flow: every motion up to the longest. */
function wheel(largest) {
  const image = new ImageData(KEY, KEY);
  for (let i = 0; i < KEY * KEY; i++) {
    const [u, v] = [i % KEY, Math.floor(i / KEY)].map((place) => ((place + 0.5) / KEY) * 2 - 1);
    paintMotion(image.data, 4 * i, u, v);
    image.data[4 * i + 3] = Math.hypot(u, v) <= 1 ? 255 : 0;
  }
  const name = `Colours: hue says where to, strength how far, up to ${largest} pixels per frame`;
  const canvas = h("canvas", { width: KEY, height: KEY, role: "img", "aria-label": name, class: "wheel" });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The pictures and the numbers that the reader sets: `take(pixels)` shows the next frame in all of them. */
function makePanel(model, el, views, width, height) {
  const [history, floors, largest] = ["history", "floors", "largest"].map((name) => model.get(name));
  const at = {}; // row y, k, place among the floors, frames of the median
  const names = {
    picture: "The picture; drag up or down to choose row y",
    slice: "x–t slice: row y of the last frames, time runs down",
    difference: "The difference from the frame before, around mid-grey",
    background: "The background: at each pixel the median of the last frames",
    foreground: "The foreground: what differs from the background; all else is dark",
    flow: "The normal flow as colours; white where there is none, or too little gradient to tell",
  };
  const screens = {};
  for (const [name, words] of Object.entries(names)) {
    screens[name] = view(width, name === "slice" ? history : height, words);
    screens[name].box.style.aspectRatio = `${width} / ${height}`;
  }
  screens.picture.box.append(h("i", { class: "line" }));
  drag(screens.picture.box, (fx, fy) => set({ y: partAt(fy, height) }));

  // Each number redraws what depends on it, and no more.
  const compute = {
    y: () => views.slice(at.y),
    difference: () => views.difference(),
    k: () => views.foreground(at.k),
    floor: () => views.flow(floors[at.floor], largest),
  };
  const shows = { y: ["slice"], difference: ["difference"], k: ["background", "foreground"], floor: ["flow"] };
  function redraw(...what) {
    for (const number of what) {
      compute[number]();
      for (const name of shows[number]) screens[name].context.putImageData(views.images[name], 0, 0);
    }
  }
  function take(pixels, cut) {
    timed(el, () => {
      views.push(pixels, cut);
      screens.picture.context.putImageData(new ImageData(pixels, width, height), 0, 0);
      redraw(...Object.keys(compute));
    });
  }

  const windows = model.get("windows");
  const lengths = dropdown(Object.fromEntries(windows.map((n) => [n, n])), (n) => set({ window: Number(n) }));
  const y = slider({ name: "row y", kind: "y", last: height - 1, text: (i) => `${i} px`, oninput: (i) => set({ y: i }) });
  const k = slider({ name: "threshold k", last: 19, text: (i) => `${i + 1} σ`, oninput: (i) => set({ k: i + 1 }) });
  const floor = slider({
    name: "gradient above",
    last: floors.length - 1,
    text: (i) => floors[i],
    oninput: (i) => set({ floor: i }),
  });
  const choose = {
    y(value) {
      y.set(value);
      screens.picture.box.style.setProperty("--y", `${((value + 0.5) / height) * 100}%`);
    },
    k: (value) => k.set(value - 1),
    floor: (value) => floor.set(value),
    window(n) {
      lengths.value = n;
      views.setWindow(n);
    },
  };
  /** Another row, threshold, floor or length of the median. */
  function set(to, tell = true) {
    timed(el, () => {
      for (const [name, value] of Object.entries(to)) {
        if (at[name] === value) continue;
        at[name] = value;
        choose[name](value);
        if (views.held()) redraw(name === "window" ? "k" : name);
      }
    });
    if (tell) publish(model, to);
  }
  const numbers = Object.keys(choose);
  set(Object.fromEntries(numbers.map((name) => [name, model.get(name)])), false);
  for (const name of numbers) model.on(`change:${name}`, () => set({ [name]: model.get(name) }, false));

  const note = (...words) => h("p", { class: "note" }, ...words);
  const legend = h("div", { class: "legend" }, wheel(largest), floor.row);
  const tile = (name, title, words, ...below) =>
    h("div", { class: `tile ${name}` }, caption(title, words), screens[name].box, ...below);
  const upright = `The last ${history} frames, the newest below. What stands still draws upright lines.`;
  const tiles = h(
    "div",
    { class: "tiles" },
    tile("picture", "picture", "x →  y ↓", y.row),
    tile("slice", "x–t slice at y", "x →  t ↓", note(upright)),
    tile("difference", "difference", "I(t) − I(t−1)", note("Mid-grey: no change. Shown twice as strong.")),
    tile("background", "background", "median over t", h("label", { class: "note" }, "median of the last ", lengths, " frames")),
    tile("foreground", "foreground", "beyond k σ", k.row),
    tile("flow", "normal flow", `rim ${largest} px/frame`, legend, note("White: no motion, or too little gradient to tell.")),
  );
  return { tiles, take };
}

async function render({ model, el }) {
  const clip = await openSprite(model.get("sprite"));
  const { width, height } = clip;
  const views = makeViews(width, height, model.get("history"));
  const panel = makePanel(model, el, views, width, height);
  const name = model.get("name");
  let camera = null; // open, or not
  let [playing, seen, running, t] = [!calm(), true, false, 0];

  // --- what is said ---

  const status = h("p", { class: "status", role: "status", "aria-live": "polite" });
  const is = (state) => status.dataset.state === state;
  let said = "";
  function say(state, what, mend = "") {
    if (is(state) && said === what + mend) return;
    said = what + mend;
    status.dataset.state = state;
    status.replaceChildren(h("b", {}, what), mend);
    start.textContent = state === "asking" || camera ? "Stop the camera" : "Start the camera";
  }
  const sayClip = () =>
    say("clip", `This is ${name}.`, playing ? " The camera is off." : " It stands still, the camera is off.");

  const rate = h("span", { class: "rate" });
  const times = []; // when each frame of the last second came, and the milliseconds it took
  let told = 0;
  function tell(now) {
    if (now - told < 500) return;
    told = now;
    while (times.length && times[0][0] < now - 1000) times.shift();
    const work = times.reduce((sum, [, took]) => sum + took, 0) / times.length;
    const speed = times.length ? `${times.length} frames/s, ${work.toFixed(1)} ms of work each` : "no new frames";
    rate.textContent = `${width}×${height} pixels, ${speed}`;
  }

  // --- frames, of the clip or of the camera ---

  function take(now, pixels, cut = false) {
    const begun = performance.now();
    panel.take(pixels(), cut);
    times.push([now, performance.now() - begun]);
  }
  /** The clip up to its frame `to` at once, so that no view begins empty. */
  function prime(to) {
    views.forget();
    for (t = 0; t < to; t++) views.push(clip.frame(t).data);
    panel.take(clip.frame(to).data);
  }
  let [last, part] = [0, 0]; // of a frame of the clip that is over
  function tick(now) {
    running = el.isConnected && seen;
    if (!running) return;
    requestAnimationFrame(tick);
    const late = Math.max(0, now - last);
    last = now;
    tell(now);
    if (camera) {
      if (!camera.isNew()) return;
      quiet = 0;
      if (!playing) return;
      take(now, () => camera.frame(mirror.input.checked));
      say("camera", "The camera is on.");
    } else if (playing) {
      part += (late / 1000) * (clip.fps / clip.step);
      if (part < 1) return;
      part = Math.min(part - 1, 1); // who is late shows the clip slower: a difference is that of neighbours
      t = (t + 1) % clip.count;
      take(now, () => clip.frame(t).data, t === 0);
    }
  }
  function run() {
    if (running || !seen || !el.isConnected) return;
    running = true;
    last = performance.now();
    requestAnimationFrame(tick);
  }

  const [icon, word] = [h("span", { class: "icon", "aria-hidden": "true" }), h("span")];
  const play = h("button", { type: "button", class: "play", onclick: () => setPlaying(!playing) }, icon, word);
  function setPlaying(on) {
    playing = on;
    icon.textContent = on ? "❚❚" : "▶";
    word.textContent = on ? "Pause" : "Play";
    if (is("clip")) sayClip();
  }

  // --- the camera ---

  const start = h("button", { type: "button", class: "start", onclick: () => (camera || is("asking") ? stop() : ask()) });
  const mirror = checkbox("mirror the camera", true, () => camera && views.forget()); // a slice would hold both ways
  let [asked, watch, unseen, quiet] = [0, 0, 0, 0]; // how often was asked; seconds out of sight, seconds without a picture

  async function ask() {
    const mine = ++asked;
    say("asking", "Your browser asks whether this page may use the camera.", ` Answer it there. Until then you see ${name}.`);
    try {
      const opened = await openCamera(width, height, () => stop(REASONS.ended));
      if (mine !== asked || !el.isConnected) return opened.stop(); // it is too late for this answer
      views.forget();
      camera = opened;
      [unseen, quiet] = [0, 0];
      setPlaying(true);
      say("waiting", "The camera starts …");
      watch = setInterval(look, 1000);
    } catch (error) {
      if (mine === asked) stop(reasonOf(error));
    }
  }
  /** Switch the camera off and forget what it saw; say why, unless the reader wanted it. */
  function stop(reason) {
    asked++;
    clearInterval(watch);
    if (camera) {
      camera.stop();
      camera = null;
      prime(model.get("t"));
      setPlaying(!calm());
    }
    if (reason) say("trouble", reason[0], ` ${reason[1]} Meanwhile ${name} goes through the same views.`);
    else sayClip();
  }
  /** Once a second: a camera that nobody looks at, or that sends nothing, is switched off. */
  function look() {
    const here = seen && !document.hidden;
    const [patience, silence] = [model.get("patience"), model.get("silence")];
    unseen = here ? 0 : unseen + 1;
    quiet = here ? quiet + 1 : 0;
    const away = ["The camera was switched off.", `Nobody saw this figure for ${patience} seconds.`];
    if (!el.isConnected) stop();
    else if (unseen >= patience) stop(away);
    else if (quiet >= silence) stop(REASONS.silent);
  }
  addEventListener("pagehide", () => camera && stop());
  new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (camera && !el.isConnected) stop();
    run();
  }).observe(el);

  const about = ownName();
  start.setAttribute("aria-describedby", about);
  const figure = h(
    "figure",
    { class: "livecamera", "aria-label": model.get("alt"), style: `--shape: ${width / height}` },
    h("div", { class: "buttons" }, start, play, mirror.row, rate),
    h("p", { class: "privacy", id: about }, PRIVACY),
    status,
    panel.tiles,
  );
  setPlaying(playing);
  sayClip();
  prime(model.get("t"));
  tell(performance.now());
  Object.assign(el, { views, camera: () => camera, clipAt: () => t }); // for tests
  mount(el, figure, { caption: model.get("caption"), space: () => setPlaying(!playing) });
  return () => camera && stop(); // anywidget calls this when the figure is taken away
}

export default { render };
