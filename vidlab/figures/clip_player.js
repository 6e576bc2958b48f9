// The clip player: several clips side by side, in step. They share one clock; a clip that has ended holds its last frame.
import { checkbox, dropdown, h, mount, openSprite, player, publish, slider, timed, view } from "./kit.js";

async function render({ model, el }) {
  const clips = await Promise.all(
    model.get("clips").map(async ({ title, sprite }) => ({ title, ...(await openSprite(sprite)) })),
  );
  for (const clip of clips) clip.rate = clip.fps / clip.step; // frames of the sheet per second
  const rate = Math.max(...clips.map((clip) => clip.rate)); // the shared clock ticks with the fastest clip
  const ticks = Math.round(Math.max(...clips.map((clip) => clip.count / clip.rate)) * rate);
  let now = -1;

  const tiles = clips.map((clip) => {
    const { box, context } = view(clip.width, clip.height, clip.title);
    box.style.aspectRatio = `${clip.source[2]} / ${clip.source[1]}`;
    const when = h("span", { class: "axes" });
    const tile = h("div", { class: "tile" }, h("div", { class: "caption" }, h("b", {}, clip.title), when), box);
    let shown = -1;
    const show = (tick) => {
      const t = Math.min(clip.count - 1, Math.floor((tick / rate) * clip.rate + 1e-6));
      if (t === shown) return;
      shown = t;
      context.putImageData(clip.frame(t), 0, 0);
      when.textContent = `frame ${t * clip.step}`;
    };
    return { tile, show };
  });

  const time = slider({
    name: "time",
    last: ticks - 1,
    text: (tick) => `${(tick / rate).toFixed(2)} s of ${(ticks / rate).toFixed(2)} s`,
    oninput: (tick) => move(tick),
  });
  function move(tick, tell = true) {
    if (tick === now || tick < 0 || tick >= ticks) return;
    now = tick;
    timed(el, () => tiles.forEach(({ show }) => show(tick)));
    time.set(tick);
    if (tell) publish(model, { t: tick });
  }

  const play = player({ count: ticks, fps: rate, get: () => now, show: move });
  const step = (by, icon, words) =>
    h("button", { type: "button", "aria-label": words, title: words, onclick: () => move(now + by) }, icon);
  const speed = dropdown({ 1: "1×", 0.5: "½×", 0.25: "¼×" }, (value) => (play.speed = Number(value)));
  const loop = checkbox("loop", play.loop, (on) => (play.loop = on));

  const columns = model.get("columns");
  const widest = Math.max(...clips.map((clip) => clip.width / clip.height));
  const figure = h(
    "figure",
    {
      class: "clips",
      "aria-label": model.get("alt"),
      style: `--columns: ${columns}; --shape: ${(columns * widest) / Math.ceil(clips.length / columns)}`,
    },
    h("div", { class: "tiles" }, ...tiles.map(({ tile }) => tile)),
    h(
      "div",
      { class: "buttons" },
      play.button,
      step(-1, "◀|", "one frame back"),
      step(1, "|▶", "one frame on"),
      h("label", {}, "speed ", speed),
      loop.row,
    ),
    time.row,
  );

  move(model.get("t"), false);
  model.on("change:t", () => move(model.get("t"), false));
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
