// The network of FusionExplorer: two towers of maps, the operator where they meet, and what comes after it. Python says
// what stands where (fusion_explorer_plan.py): a column is a layer, a row a tower or, in the middle, what is fused.
import { h, svg } from "./kit.js";

export const COLUMNS = 7;
export const across = (x) => `${((100 * (x + 0.5)) / COLUMNS).toFixed(2)}%`;
const ROWS = [70, 152, 234]; // px, the middle of each; as in fusion_explorer.css
const MARKS = { what: ["red", "blue"], how: ["right", "down"], paired: ["red right", "blue down"] };

/** What is known of the two objects: at their places in a map, one below the other in a vector. */
function marksOf({ marks }) {
  const kinds = marks === "apart" ? ["red", "blue", "right", "down"] : (MARKS[marks] ?? []);
  return kinds.map((kind, k) => h("i", { class: `mark ${kind} ${k % 2 ? "second" : "first"}` }));
}

function drawn(node, fusedShape) {
  const { kind, x, row, name, shape, places } = node;
  const words = h("span", { class: "words" }, h("b", {}, name), shape ? h("span", {}, shape) : "");
  const extra = name === "fused" ? "fused" : x === 0 ? "input" : x % 1 ? "between" : "";
  const place = `left: ${across(x)}; top: ${ROWS[row]}px`;
  if (kind === "operator") {
    const sign = h("span", { class: `sign ${shape.length > 2 ? "long" : ""}` }, shape);
    words.lastChild.textContent = fusedShape; // shown where there is no room for the map itself
    return h("div", { class: "node operator", style: place }, sign, words);
  }
  const tile = h("div", { class: "tile", style: `--n: ${places}` }, ...marksOf(node));
  return h("div", { class: `node ${kind} row${row} ${extra}`, style: place, "data-layer": name }, tile, words);
}

/** The drawing; a press on a layer of a tower calls `choose(its name)`. */
export function makeNetwork(choose) {
  const [before, after] = ["before", "after"].map((kind) => svg("path", { class: kind }));
  const wires = svg("svg", { viewBox: `0 0 ${COLUMNS} 304`, preserveAspectRatio: "none" });
  wires.append(before, after);
  const nodes = h("div", { class: "nodes" });
  const box = h("div", { class: "network", role: "img" }, wires, nodes);
  nodes.addEventListener("click", ({ target }) => choose(target.closest("[data-layer]")?.dataset.layer));
  function draw(view) {
    const lines = [[], []];
    for (const [x, row, x2, row2] of view.wires) {
      lines[+(row === 1)].push(`M${x + 0.5} ${ROWS[row]}L${x2 + 0.5} ${ROWS[row2]}`);
    }
    before.setAttribute("d", lines[0].join(""));
    after.setAttribute("d", lines[1].join(""));
    const fusedShape = view.nodes.find(({ name }) => name === "fused")?.shape ?? "";
    nodes.replaceChildren(...view.nodes.map((node) => drawn(node, fusedShape)));
    box.setAttribute("aria-label", view.words);
  }
  return { box, draw };
}
