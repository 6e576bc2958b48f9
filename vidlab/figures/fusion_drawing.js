// The drawing of FusionMap: every box of a network stands over the frames where it is computed, joined by trapezia to the
// boxes that it takes. A lit box lights all that it hangs on, down to the frames. Arrow keys walk through the boxes.
import { clamp, h, svg } from "./kit.js";
import { NAMES, edges } from "./fusion_layers.js";

const GAP = 0.1; // frames: so far from the next box a connection stays

/** Writing a text anew costs a layout, even where it says the same; and a new text node more than new letters. */
export function text(node, value) {
  if (!node.firstChild) node.append("");
  if (node.firstChild.data !== value) node.firstChild.data = value;
}

/** The boxes of all rows over the frames, and the light on what one of them sees. */
export function makeDrawing(choose) {
  const names = h("div", { class: "names", "aria-hidden": "true" });
  const links = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const [apart, merging, cone] = ["apart", "merging", "cone"].map((kind) => svg("path", { class: kind }));
  links.append(apart, merging, cone);
  const lines = []; // of boxes
  const blank = h("button", { type: "button", class: "box", tabindex: -1 });
  const pictures = h("div", { class: "pictures", "aria-hidden": "true" });
  const map = h("div", { class: "map", role: "group" }, links, pictures);
  const box = h("div", { class: "drawing" }, names, map);
  let rows, frames, pitch, tall, at, shown, current;
  let lit = false; // whether the box `at` has been lit since the boxes were last drawn
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
    lit = false;
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
      fill(line, row ? row.spans.length : 0, () => blank.cloneNode());
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
    if (lit && at[0] === r && at[1] === i) return say(r, i);
    [at, lit] = [[r, i], true];
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
