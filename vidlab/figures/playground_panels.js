// What the networks see and say: a strip of the frames of the window, and for each network its class probabilities.
import { h } from "./kit.js";

const SIGNS = { same: "=", kept: "≈", changed: "≠" };
const SAME = 1e-6; // as in answers.py: no probability moves by more
const ICONS = { right: "→", down: "↓", left: "←", up: "↑" };
const percent = (share) => `${Math.round(100 * share)}\u202f%`;

/** A class with its arrow: "→ right". */
export const iconOf = (name) => ICONS[name] ?? "■";

/** 6,220; 0.6 M. */
const many = (n) => (n >= 1e5 ? `${(n / 1e6).toFixed(1)} M` : n.toLocaleString("en"));

/** Write only what differs: thirty frames a second leave no time for more. */
const put = (node, key, value) => node[key] !== value && (node[key] = value);

/** The frames of the window in a row; `show(window, numbers)`, where the number of an empty frame is null. */
export function makeStrip(count, size) {
  const cells = Array.from({ length: count }, () => {
    const canvas = h("canvas", { width: size, height: size, class: "pixelated", "aria-hidden": "true" });
    const number = h("span");
    return { canvas, number, pen: canvas.getContext("2d"), part: h("li", {}, canvas, number), shown: null };
  });
  const part = h("ol", { class: "strip" }, ...cells.map((cell) => cell.part));
  function show(window, numbers) {
    cells.forEach((cell, t) => {
      const frame = window[t];
      if (cell.shown !== frame || cell.version !== frame.version) cell.pen.putImageData(frame.image, 0, 0);
      [cell.shown, cell.version] = [frame, frame.version];
      put(cell.number, "textContent", numbers[t] === null ? "empty" : String(numbers[t] + 1));
      cell.part.classList.toggle("empty", numbers[t] === null);
    });
  }
  return { part, show };
}

/** The panel of one network. `show(now, before, truth)`: probabilities, those of the frames as they were, right class. */
export function makePanel({ name, parameters, macs, accuracy }, classes) {
  const [verdict, measured] = [h("p", { class: "verdict" }), h("p", { class: "measured" })];
  const rows = classes.map((each) => {
    const [mark, value] = ["mark", "value"].map((kind) => h("span", { class: kind, ...(kind === "mark" && { "aria-hidden": "true" }) }));
    const [bar, ghost] = ["bar", "ghost"].map((kind) => h("i", { class: kind }));
    const label = h("span", { class: "name" }, h("span", { class: "icon", "aria-hidden": "true" }, iconOf(each)), each);
    const said = h("span", { class: "unseen" });
    const row = h("li", {}, mark, label, h("span", { class: "track" }, bar, ghost), value, said);
    return { row, mark, bar, ghost, value, said };
  });
  const size = h("small", {}, `${many(parameters)} weights, ${many(macs)} multiply–adds`);
  const judged = h("span", { class: "judged", "aria-hidden": "true" });
  const head = h("div", { class: "head" }, h("b", {}, name), judged);
  const list = h("ul", { class: "bars" }, ...rows.map(({ row }) => row));
  const part = h("div", { class: "panel", role: "group", "aria-label": name }, head, size, list, verdict, measured);

  function show(now, before, truth) {
    const [top, old] = [now, before].map((p) => p.indexOf(Math.max(...p)));
    const moved = now.reduce((most, p, k) => Math.max(most, Math.abs(p - before[k])), 0);
    const kind = moved <= SAME ? "same" : top === old ? "kept" : "changed";
    rows.forEach(({ row, mark, bar, ghost, value, said }, k) => {
      put(bar.style, "width", `${(100 * now[k]).toFixed(1)}%`);
      put(ghost.style, "width", `${(100 * before[k]).toFixed(1)}%`);
      put(value, "textContent", now[k].toFixed(2));
      put(mark, "textContent", k === top ? "▶" : "");
      put(said, "textContent", `${k === top ? ", its answer" : ""}${k === truth ? ", the right answer" : ""}`);
      row.classList.toggle("top", k === top);
      row.classList.toggle("true", k === truth);
    });
    put(part.dataset, "kind", kind);
    put(judged, "textContent", truth === null ? "" : top === truth ? "✓" : "✗");
    part.classList.toggle("right", top === truth);
    return { kind, top, old };
  }
  /** In words, for a trial that is not the first. */
  function say({ kind, top, old }, plain) {
    const words = { same: "no difference to it", kept: "same answer", changed: `${classes[old]} → ${classes[top]}` }[kind];
    put(verdict, "textContent", plain ? "" : `${SIGNS[kind]} ${words}`);
  }
  function measure(trial, first) {
    if (!accuracy) return;
    const before = trial === first ? "" : ` (was ${percent(accuracy[first])})`;
    put(measured, "textContent", `${percent(accuracy[trial])} right on test clips${before}`);
  }
  return { part, show, say, measure };
}
