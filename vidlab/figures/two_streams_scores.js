// The bars of TwoStreams: a panel for each of the scores, in a table where the classes are pairs of words. Scores that
// are the mean of two others have bars of two parts, the half of each.
import { h } from "./kit.js";

const percent = (p) => `${Math.round(100 * p)}`;

/** The scores: `set(truth)` marks the right class, `show(p, top)` draws probabilities and what is answered. */
export function makeScores({ names, classes, table, means, end }) {
  const [rows, columns] = table ?? [classes, [""]];
  const spot = (name) => (table ? name.split(" ").map((word, k) => table[k].indexOf(word)) : [classes.indexOf(name), 0]);
  const place = classes.map((name) => {
    const [row, column] = spot(name);
    return `grid-area: ${row + 1} / ${column + 1}`;
  });
  const words = (list, kind) => list.map((word) => h("span", { class: kind }, word));
  const rowNames = [words(rows)]; // for all panels, and in each, for where they do not stand beside each other
  const columnNames = [];

  const inRow = means.map((of, k) => of && of[0] === k - 2 && of[1] === k - 1); // the heads are an equation
  /** The name of panel k, and how it is made of others. */
  function headOf(k) {
    const bold = (i) => h("b", { "data-of": i }, names[i]);
    const soft = (words) => h("span", { class: "axes" }, words);
    if (inRow[k]) return [soft("= "), bold(k)];
    if (means[k]) return [bold(k), soft(" = ½ "), bold(means[k][0]), soft(" + ½ "), bold(means[k][1])];
    return inRow[k + 2] ? [soft("½ · "), bold(k)] : inRow[k + 1] ? [soft("+ ½ · "), bold(k)] : [bold(k)];
  }

  const panels = names.map((name, k) => {
    const of = means[k] ?? [k];
    const cells = classes.map((each, c) => {
      const parts = of.map((i) => h("i", { class: "part", "data-of": i }));
      const [right, value] = [h("span", { class: "unseen" }), h("span", { class: "value" })];
      const cell = h("li", { style: place[c] }, ...parts, value, h("span", { class: "unseen" }, ` % ${each}`), right);
      return { cell, parts, value, right };
    });
    const [sign, answer, share] = [h("span", { class: "sign", "aria-hidden": "true" }), h("b"), h("span", { class: "axes" })];
    const judged = h("span", { class: "unseen" });
    const head = h("div", { class: "head" }, ...headOf(k));
    rowNames.push(words(rows));
    columnNames.push(words(columns));
    const panel = h(
      "div",
      { class: "panel-of", role: "group", "aria-label": name },
      head,
      h("p", { class: "verdict" }, sign, answer, share, judged),
      h("div", { class: "columns", "aria-hidden": "true" }, ...columnNames[k]),
      h("div", { class: "rows own", "aria-hidden": "true" }, ...rowNames[k + 1]),
      h("ul", { class: "cells" }, ...cells.map(({ cell }) => cell)),
    );
    return { panel, cells, sign, answer, share, judged, of };
  });

  const style = `--rows: ${rows.length}; --columns: ${columns.length}; --panels: ${names.length}`;
  const part = h(
    "div",
    { class: `scores ${table ? "table" : "list"}${names.length > 3 ? " many" : ""}`, style },
    h("div", { class: "rows", "aria-hidden": "true" }, ...rowNames[0]),
    ...panels.map(({ panel }) => panel),
  );
  const unit = table ? "a full cell" : "a full line";
  const legend = h(
    "p",
    { class: "legend" },
    `Probabilities in %; ${unit} is ${percent(end)} %. `,
    h("span", { class: "framed" }, "Framed"),
    ": the right class. ✓ ✗ and bold: the answer.",
  );

  let truth;
  function set(now) {
    truth = now;
    const [row, column] = spot(classes[truth]);
    for (const list of rowNames) list.forEach((word, k) => word.classList.toggle("true", k === row));
    for (const list of columnNames) list.forEach((word, k) => word.classList.toggle("true", k === column));
    for (const { cells } of panels) {
      cells.forEach(({ cell, right }, c) => {
        cell.classList.toggle("true", c === truth);
        right.textContent = c === truth ? ", the right class" : "";
      });
    }
  }
  function show(p, top) {
    panels.forEach(({ panel, cells, sign, answer, share, judged, of }, k) => {
      cells.forEach(({ cell, parts, value }, c) => {
        parts.forEach((each, n) => each.style.setProperty("--share", p[of[n]][c] / of.length / end));
        value.textContent = percent(p[k][c]);
        cell.classList.toggle("none", p[k][c] < 0.005);
        cell.classList.toggle("most", c === top[k]);
      });
      const right = top[k] === truth;
      panel.classList.toggle("right", right);
      sign.textContent = right ? "✓" : "✗";
      answer.textContent = classes[top[k]];
      share.textContent = ` ${percent(p[k][top[k]])}\u202f%`;
      judged.textContent = right ? ", right" : ", wrong";
    });
  }
  return { part, legend, set, show };
}
