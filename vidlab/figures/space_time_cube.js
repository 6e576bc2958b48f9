// The space–time cube: a clip is a block of pixels I(x, y, t), and each of the three pictures is one plane through it.
//
//     frame   t = const     | y–t slice   x = const (time runs right)
//     x–t slice   y = const (time runs down)
//
// Every plane has its colour; it is the border of its own picture and a line in the two others.
import { caption, clamp, drag, h, mount, openSprite, player, slider, timed, view } from "./kit.js";

const TIME_LENGTH = 0.45; // length of the time axis on the page, in units of the frame's longer side
const GRAB = 10; // pixels of the screen within which a line, rather than the whole cross, is taken

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const { volume, width, height, count, scale, step } = sprite;

  // The model speaks of the clip's own pixels and frames, the sheet may have fewer of both.
  const toSheet = {
    x: (v) => Math.floor((v + 0.5) / scale),
    y: (v) => Math.floor((v + 0.5) / scale),
    t: (v) => v / step,
  };
  const toClip = {
    x: (i) => Math.round((i + 0.5) * scale - 0.5),
    y: (i) => Math.round((i + 0.5) * scale - 0.5),
    t: (i) => i * step,
  };
  const size = { x: width, y: height, t: count };
  const at = {};

  const frame = view(width, height, "Frame at time t; drag to move the lines x and y");
  const xt = view(width, count, "x–t slice: row y of every frame, time runs down; drag to move t");
  const yt = view(count, height, "y–t slice: column x of every frame, time runs right; drag to move t");
  const depth = TIME_LENGTH * Math.max(width, height);
  xt.box.style.aspectRatio = `${width} / ${depth}`;
  yt.box.style.aspectRatio = `${depth} / ${height}`;
  const slices = { xt: new ImageData(width, count), yt: new ImageData(count, height) };
  const xtPixels = new Uint32Array(slices.xt.data.buffer);
  const ytPixels = new Uint32Array(slices.yt.data.buffer);

  const cut = {
    t: (t) => frame.context.putImageData(sprite.frame(t), 0, 0),
    y: (y) => {
      // One row of every frame, laid under one another.
      for (let t = 0; t < count; t++) {
        const row = (t * height + y) * width;
        xtPixels.set(volume.subarray(row, row + width), t * width);
      }
      xt.context.putImageData(slices.xt, 0, 0);
    },
    x: (x) => {
      // One column of every frame, laid side by side.
      for (let t = 0; t < count; t++) {
        for (let y = 0; y < height; y++) ytPixels[y * count + t] = volume[(t * height + y) * width + x];
      }
      yt.context.putImageData(slices.yt, 0, 0);
    },
  };

  const text = {
    t: (i) => `${toClip.t(i)} (0–${sprite.source[0] - 1}) · ${sprite.when(i)}`,
    x: (i) => `${toClip.x(i)} px (0–${sprite.source[2] - 1})`,
    y: (i) => `${toClip.y(i)} px (0–${sprite.source[1] - 1})`,
  };
  const names = { t: "frame t", x: "column x", y: "row y" };
  const sliders = {};
  for (const axis of ["t", "x", "y"]) {
    sliders[axis] = slider({
      name: names[axis],
      kind: axis,
      last: size[axis] - 1,
      text: text[axis],
      oninput: (i) => move({ [axis]: i }),
    });
  }

  /** Move one or more planes of the cube, and redraw only the pictures that this changes. */
  function move(to, tell = true) {
    timed(el, () => {
      for (const [axis, wanted] of Object.entries(to)) {
        const i = clamp(Math.round(wanted), 0, size[axis] - 1);
        if (i === at[axis]) continue;
        at[axis] = i;
        cut[axis](i);
        sliders[axis].set(i);
        figure.style.setProperty(`--${axis}`, `${((i + 0.5) / size[axis]) * 100}%`); // where the lines are
        if (tell) model.set(axis, toClip[axis](i));
      }
    });
    if (tell) model.save_changes();
  }

  const play = player({ count, fps: sprite.fps / step, get: () => at.t, show: (t) => move({ t }) });

  const line = (axis, direction) => h("i", { class: `line ${axis} ${direction}`, "data-name": axis });
  frame.box.append(line("x", "upright"), line("y", "level"));
  xt.box.append(line("x", "upright faint"), line("t", "level"));
  yt.box.append(line("y", "level faint"), line("t", "upright"));

  // On the frame, a press near one line takes that line; anywhere else it takes both.
  let taken = { x: true, y: true };
  drag(frame.box, (fx, fy, first) => {
    if (first) {
      const dx = Math.abs(fx - (at.x + 0.5) / width) * frame.box.clientWidth;
      const dy = Math.abs(fy - (at.y + 0.5) / height) * frame.box.clientHeight;
      taken = { x: dx < GRAB || dy >= GRAB, y: dy < GRAB || dx >= GRAB };
    }
    move({ ...(taken.x && { x: Math.floor(fx * width) }), ...(taken.y && { y: Math.floor(fy * height) }) });
  });
  drag(xt.box, (fx, fy) => move({ x: Math.floor(fx * width), t: Math.floor(fy * count) }));
  drag(yt.box, (fx, fy) => move({ t: Math.floor(fx * count), y: Math.floor(fy * height) }));

  const hint = (words) => h("span", { class: "hint" }, words); // only where there is room
  const figure = h(
    "figure",
    {
      class: "cube",
      "aria-label": model.get("alt"),
      style: `--columns: minmax(0, ${width}fr) minmax(0, ${depth}fr); --shape: ${(width + depth) / (height + depth)}`,
    },
    h("div", { class: "plane t" }, caption(h("span", {}, "frame at t", hint(" · drag the lines")), "x →  y ↓"), frame.box),
    h("div", { class: "plane x" }, caption(h("span", {}, "y–t slice at x"), "t →", hint(` ${sprite.seconds}`)), yt.box),
    h("div", { class: "plane y" }, caption(h("span", {}, "x–t slice at y"), "x →  t ↓", hint(` ${sprite.seconds}`)), xt.box),
    h(
      "div",
      { class: "controls" },
      h("div", { class: "buttons" }, play.button),
      sliders.t.row,
      sliders.x.row,
      sliders.y.row,
    ),
  );

  move({ t: toSheet.t(model.get("t")), x: toSheet.x(model.get("x")), y: toSheet.y(model.get("y")) }, false);
  for (const axis of ["t", "x", "y"])
    model.on(`change:${axis}`, () => move({ [axis]: toSheet[axis](model.get(axis)) }, false));
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
