// The moments of a clip side by side: under glass the frames, over them the heat, one pixel for a patch, then what is out
// of reach, hatched, and the query in its outline. The class token, where there is one, stands in front as one more cell.
import { drag, h, partAt, svg } from "./kit.js";

export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
/** A weight: two digits, three if it is small. As people read it, not as the page has it. */
export const short = (w) => (w >= 0.0995 ? w.toFixed(2) : w >= 0.0005 ? w.toFixed(3) : w > 0 ? "<0.001" : "0");

/** One path around each cell of a frame for which `inside(y, x)`. */
function cellsPath(high, wide, inside) {
  let d = "";
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) if (inside(y, x)) d += `M${x} ${y}h1v1h-1z`;
  return d;
}
function setTo(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
const write = (node, words) => node.textContent !== words && (node.textContent = words);

/** What a strip of the clip and a strip of weights have in common: cells to press, and the outline of the query. */
export function makeStrip({ grid: [moments, high, wide], lead, sprite, hatch, weights, onpick }) {
  const token = lead ? h("div", { class: "token" }, h("div", { class: "cell" })) : null;
  const frames = Array.from({ length: moments }, (_, t) => {
    const frame = h("canvas", { width: sprite.width, height: sprite.height, class: "frame" });
    frame.classList.toggle("pixelated", sprite.width < 150);
    const heat = h("canvas", { width: wide, height: high, class: "heat pixelated" });
    const marks = svg("svg", { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const lines = svg("path", { class: "lines", d: linesOf(high, wide) });
    const parts = ["veil", "hatch"].map((kind) => svg("path", { class: kind }));
    const outline = ["outer", "inner"].map((kind) => svg("rect", { class: kind, display: "none" }));
    parts[1].style.fill = `url(#${hatch})`;
    marks.append(lines, ...(weights ? parts : []), ...outline);
    const most = h("span", { class: "most", hidden: "" });
    const box = h("div", { class: "picture" }, frame, ...(weights ? [heat] : []), marks, ...(weights ? [most] : []));
    box.style.aspectRatio = `${sprite.width} / ${sprite.height}`;
    const share = h("span", { class: "share" });
    const bar = h("i");
    const track = h("div", { class: "bar" }, bar);
    const below = weights ? [track] : [];
    const label = h("div", { class: "label" }, h("span", {}, `t ${t}`), share);
    const card = h("div", { class: "card" }, box, label, ...below);
    return { card, box, frame, heat: heat.getContext("2d"), parts, outline, most, share, bar, track };
  });
  const share = h("span", { class: "share" });
  const bar = h("i");
  if (token) {
    token.append(h("div", { class: "label" }, h("span", {}, "class"), weights ? share : ""));
    if (weights) token.append(h("div", { class: "bar", style: "--ticks: 0" }, bar));
  }
  const film = h("div", { class: "film" }, ...frames.map(({ card }) => card));
  const box = h("div", { class: "strip" }, ...(token ? [token] : []), film);

  drag(box, (fx, fy, first) => {
    const all = box.getBoundingClientRect();
    const [px, py] = [all.left + fx * all.width, all.top + fy * all.height];
    const within = (node) => {
      const r = node.getBoundingClientRect();
      return px >= r.left && px <= r.right && py >= r.top && py <= r.bottom && r;
    };
    if (token && first && within(token)) return onpick("class");
    const t = frames.findIndex((each) => within(each.box));
    if (t < 0) return;
    const r = frames[t].box.getBoundingClientRect();
    onpick([t, partAt((py - r.top) / r.height, high), partAt((px - r.left) / r.width, wide)]);
  });

  /** Put the outline around the query; of whole moments around the frame. */
  function mark(query, whole) {
    token?.classList.toggle("query", query === "class");
    frames.forEach(({ outline }, t) => {
      const here = query !== "class" && query[0] === t;
      for (const rect of outline) {
        setTo(rect, "display", here ? "inline" : "none");
        if (!here) continue;
        const [x, y, w, tall] = whole ? [0, 0, wide, high] : [query[2], query[1], 1, 1];
        for (const [name, value] of Object.entries({ x, y, width: w, height: tall })) setTo(rect, name, String(value));
      }
    });
  }
  const showFrames = (first) => frames.forEach(({ frame }, t) => frame.getContext("2d").putImageData(sprite.frame(first + t), 0, 0));

  /** Colours of 256 steps, the end of the scale, and for each token of a layer its weight and whether it is in reach. */
  function paint({ colours, top, row, reaches, whole, evens, most }) {
    const at = (t, y, x) => lead + (whole ? t : (t * high + y) * wide + x);
    const colour = (k) => colours[Math.round(255 * Math.min(1, row[k] / top))];
    const shares = frames.map(({ heat, parts, most: label, share: words, bar: line, track }, t) => {
      const picture = new ImageData(wide, high);
      const pixels = new Uint32Array(picture.data.buffer);
      let sum = 0;
      for (let y = 0; y < high; y++) {
        for (let x = 0; x < wide; x++) {
          const k = at(t, y, x);
          if (!whole) sum += row[k];
          pixels[y * wide + x] = reaches(k) ? colour(k) : 0;
        }
      }
      if (whole) sum = row[lead + t];
      heat.putImageData(picture, 0, 0);
      const d = whole
        ? cellsPath(1, 1, () => !reaches(at(t, 0, 0))).replace("h1v1h-1", `h${wide}v${high}h-${wide}`)
        : cellsPath(high, wide, (y, x) => !reaches(at(t, y, x)));
      for (const part of parts) setTo(part, "d", d);
      const here = most && most[0] === t;
      label.hidden = !here;
      if (here) {
        const k = at(...most);
        write(label, short(row[k]).replace(/^0\./, "."));
        const [cx, cy] = whole ? [0.5, 0.5] : [(most[2] + 0.5) / wide, (most[1] + 0.5) / high];
        label.style.left = `${100 * cx}%`;
        label.style.top = `${100 * cy}%`;
        label.classList.toggle("bright", row[k] > 0.6 * top);
      }
      write(words, percent(sum));
      line.style.width = `${(100 * sum).toFixed(2)}%`;
      track.style.setProperty("--even", `${(100 * evens[t]).toFixed(2)}%`);
      track.style.setProperty("--ticks", evens[t] ? 1 : 0);
      return sum;
    });
    if (token) {
      const [r, g, b] = [0, 8, 16].map((shift) => (colour(0) >> shift) & 255);
      token.firstChild.style.setProperty("--heat", `rgb(${r} ${g} ${b})`);
      token.classList.toggle("blocked", !reaches(0));
      write(share, percent(row[0]));
      bar.style.width = `${(100 * row[0]).toFixed(2)}%`;
    }
    return shares;
  }
  return { box, film, mark, showFrames, paint };
}

const linesOf = (high, wide) => {
  const across = Array.from({ length: high - 1 }, (_, y) => `M0 ${y + 1}H${wide}`);
  return [...across, ...Array.from({ length: wide - 1 }, (_, x) => `M${x + 1} 0V${high}`)].join("");
};

/** The pattern of what is out of reach, once for a figure. */
export function makeHatch(id, high, wide) {
  const [w, tall] = [wide / 10, high / 10];
  const pattern = svg("pattern", { id, width: w, height: tall, patternUnits: "userSpaceOnUse" });
  const d = `M0 ${tall}L${w} 0M${-w / 4} ${tall / 4}L${w / 4} ${-tall / 4}M${0.75 * w} ${1.25 * tall}L${1.25 * w} ${0.75 * tall}`;
  pattern.append(svg("path", { d, class: "stripe", "stroke-width": w / 6 }));
  const defs = svg("defs");
  defs.append(pattern);
  const box = svg("svg", { width: 0, height: 0, class: "patterns", "aria-hidden": "true" });
  box.append(defs);
  return box;
}
