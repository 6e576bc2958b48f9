// A quiz that says where to start. One question at a time; each answer is followed by the reasons of all its options; it ends
// as soon as no further answer can change the result. Rule and questions: vidlab/placement.py.
import { h, mount, ownName, publish } from "./kit.js";
import { prose } from "./prose.js";

const UNSURE = -1; // "I do not know yet"

/** Whether the answers so far decide: two misses within three questions, one of the last two, or nothing left to ask. */
const settled = (right, count) =>
  right.length >= count ||
  right.some((well, i) => !well && (i + 2 >= count || right.slice(i + 1, i + 3).includes(false)));

/** Where to start, and the lessons of single slips; answers that were not given are wrong. */
function verdict(right, lessons, last) {
  const lookUp = [];
  for (const [i, lesson] of lessons.entries()) {
    if (right[i]) continue;
    if (!right[i + 1] || !right[i + 2]) return { start: lesson, lookUp };
    lookUp.push(lesson);
  }
  return { start: last, lookUp };
}

function render({ model, el }) {
  const questions = model.get("questions");
  const lessons = model.get("lessons");
  const numbers = questions.map(({ lesson }) => lesson);
  const chosen = [...model.get("chosen")];
  const isRight = (k) => Boolean(questions[k].options[chosen[k]]?.right);
  const right = () => chosen.map((_, k) => isRight(k));
  const called = (number) => `${number} · ${lessons[number][0]}`;

  const card = h("div", { class: "card" });
  const done = h("progress", { max: questions.length, value: 0, "aria-label": "questions answered" });
  const count = h("span", { class: "count" });
  const figure = h(
    "figure",
    { class: "placement", "aria-label": model.get("caption") || "Placement quiz" },
    h("div", { class: "top" }, h("b", {}, "Where do I start?"), count, done),
    card,
  );

  function tell() {
    publish(model, { chosen: [...chosen] });
    done.value = chosen.length;
  }

  /** Question k; the focus goes to its words, so that they are read aloud, but not when the page opens. */
  function ask(k, focus) {
    const { asks, options } = questions[k];
    const group = ownName();
    count.textContent = `Question ${k + 1} of at most ${questions.length}`;
    let mine = null;
    const choices = [...options.map(({ says }) => says), "I do not know yet"].map((says, i) => {
      const value = i < options.length ? i : UNSURE;
      const choose = () => ((mine = value), (answer.disabled = false));
      const input = h("input", { type: "radio", name: group, value, onchange: choose });
      return h("div", { class: "option" }, h("label", {}, input, h("span", {}, ...prose(says))));
    });
    const words = h("legend", { tabindex: "-1" }, ...prose(asks));
    const answer = h("button", { type: "submit" }, "Answer");
    answer.disabled = true;
    const next = h("div", { class: "buttons" }, answer);
    const said = h("div", { class: "said", role: "status" });
    const form = h("form", {}, h("fieldset", {}, words, ...choices), said, next);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (mine !== null) judge();
    });
    card.replaceChildren(form);
    if (focus) words.focus();

    function judge() {
      chosen[k] = mine;
      tell();
      choices.forEach((choice, i) => {
        choice.querySelector("input").disabled = true;
        const option = options[i];
        if (!option) return;
        const kind = option.right ? "right" : i === mine ? "wrong" : "other";
        choice.classList.add(kind);
        const mark = { right: "✔ right", wrong: "✘ not so", other: "" }[kind];
        choice.append(h("p", { class: "why" }, mark && h("b", {}, `${mark}: `), ...prose(option.why)));
      });
      const way = mine === UNSURE ? "Then read on: " : isRight(k) ? "Right. " : "Not so. ";
      said.replaceChildren(way, `Lesson ${called(numbers[k])} teaches this.`);
      const over = settled(right(), questions.length);
      const go = () => (over ? finish() : ask(k + 1, true));
      const on = h("button", { type: "button", onclick: go }, over ? "Where to start" : "Next question");
      next.replaceChildren(on);
      on.focus();
    }
  }

  function finish() {
    const { start, lookUp } = verdict(right(), numbers, model.get("last"));
    count.textContent = `${chosen.length} of ${questions.length} questions asked`;
    done.value = questions.length;
    const well = right().filter(Boolean).length;
    const title = h("p", { class: "start", tabindex: "-1" }, `Start with lesson ${called(start)}`);
    const parts = [h("p", {}, "Its file is ", h("code", {}, lessons[start][1]), ".")];
    parts.push(h("p", {}, why(start, well)));
    if (lookUp.length) {
      const list = h("ul", {}, ...lookUp.map((number) => h("li", {}, called(number))));
      parts.push(h("p", {}, "To look up on the way, after single slips:"), list);
    }
    if (start !== "00") {
      parts.push(h("p", {}, "Before you begin, read sections 3 and 4 of lesson 00: how this course orders axes and writes signs."));
    }
    parts.push(h("p", { class: "rule" }, model.get("rule"), " Nothing was kept or sent anywhere."));
    const again = h("button", { type: "button", onclick: restart }, "Begin again");
    card.replaceChildren(h("div", { class: "end" }, title, ...parts, h("div", { class: "buttons" }, again)));
    title.focus();
  }

  function why(start, well) {
    if (start === model.get("last")) {
      return `You were right in ${well} of ${chosen.length}. Lesson ${start} puts all that you know on one table.`;
    }
    if (start === "00") return "From the beginning, then: it needs nothing but Python and arrays.";
    return `You were right in ${well} of ${chosen.length}; the question of lesson ${start} is the first that stopped you.`;
  }

  function restart() {
    chosen.length = 0;
    tell();
    ask(0, true);
  }

  el.judge = (all) => verdict(all, numbers, model.get("last")); // for tests
  el.settled = (some) => settled(some, questions.length);
  if (chosen.length && settled(right(), questions.length)) finish();
  else ask(chosen.length, false);
  tell();
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
