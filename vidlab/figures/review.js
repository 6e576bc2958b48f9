// Cards to recall: the question, then the answer, then the learner's own verdict. What was not known comes again, after all
// the others, until everything was. Which cards, and why: vidlab/reviews.py.
import { h, mount, publish } from "./kit.js";
import { prose } from "./prose.js";

function render({ model, el }) {
  const cards = model.get("cards");
  const known = model.get("known").map((verdicts) => [...verdicts]);
  let queue = cards.map((_, k) => k);

  const card = h("div", { class: "card" });
  const bar = h("progress", { max: cards.length, value: 0, "aria-label": "cards known" });
  const count = h("span", { class: "count" });
  const how = h("p", { class: "how" }, "Answer in your head, then turn the card. What you do not know yet comes again.");
  const figure = h(
    "figure",
    { class: "review", "aria-label": model.get("caption") || `Review: ${model.get("part")}` },
    h("div", { class: "top" }, h("b", {}, `Review: ${model.get("part")}`), count, bar),
    how,
    card,
  );

  /** The next card; its words take the focus, so that they are read aloud, but not when the page opens. */
  function ask(focus) {
    const done = cards.length - queue.length;
    bar.value = done;
    how.hidden = !queue.length;
    if (!queue.length) return finish();
    const k = queue[0];
    const { asks, earlier, answer, lesson } = cards[k];
    count.textContent = `${done} of ${cards.length} known`;
    const again = known[k].length ? "Once more. " : "";
    const where = h("p", { class: "where" }, again + (earlier ? "From an earlier part" : "From this part"));
    const words = h("p", { class: "asks", tabindex: "-1" }, ...prose(asks));
    const told = h("div", { class: "told", role: "status" });
    const turn = h("button", { type: "button", onclick: show }, "Show the answer");
    const buttons = h("div", { class: "buttons" }, turn);
    card.replaceChildren(where, words, told, buttons);
    if (focus) words.focus();

    function show() {
      told.append(h("p", { class: "answer" }, ...prose(answer)), h("p", { class: "where" }, `Lesson ${lesson}`));
      const yes = h("button", { type: "button", onclick: () => judge(true) }, "I knew it");
      const no = h("button", { type: "button", onclick: () => judge(false) }, "Not yet");
      buttons.replaceChildren(yes, no);
      yes.focus();
    }
    function judge(well) {
      known[k].push(well);
      queue = well ? queue.slice(1) : [...queue.slice(1), k];
      publish(model, { known: known.map((verdicts) => [...verdicts]) });
      ask(true);
    }
  }

  function finish() {
    const late = cards.filter((_, k) => !known[k][0]);
    count.textContent = `${cards.length} of ${cards.length} known`;
    const title = h("p", { class: "asks", tabindex: "-1" }, `You knew ${cards.length - late.length} of ${cards.length} at first.`);
    const lessons = [...new Set(late.map(({ lesson }) => lesson))].sort();
    const parts = lessons.length
      ? [h("p", {}, "To look up:"), h("ul", {}, ...lessons.map((lesson) => h("li", {}, lesson)))]
      : [];
    const later = model.get("last") ? "" : "Some of these cards come back in later reviews. ";
    parts.push(h("p", { class: "where" }, `${later}Nothing was kept or sent anywhere.`));
    const restart = () => {
      queue = cards.map((_, k) => k);
      known.forEach((verdicts) => (verdicts.length = 0));
      publish(model, { known: known.map(() => []) });
      ask(true);
    };
    const again = h("button", { type: "button", onclick: restart }, "Begin again");
    card.replaceChildren(title, ...parts, h("div", { class: "buttons" }, again));
    title.focus();
  }

  ask(false);
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
