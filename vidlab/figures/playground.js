// The playground: the learner moves an object, and trained networks say, live, which way it went. Buttons change what
// they see of it: a trial is an order of the last frames of the stage, and of frames of the empty stage.
import { clamp, h, calm, mount, publish, timed, view } from "./kit.js";
import { makeFrame, openNetworks, softmax } from "./playground_networks.js";
import { castActor, dice, drawScene, grain, ground } from "./playground_stage.js";
import { ARROWS, makeHand } from "./playground_hand.js";
import { iconOf, makePanel, makeStrip } from "./playground_panels.js";

const PATIENCE = 90; // frames without a touch before the demonstration goes on
const LATE = 100; // ms; a page that was away longer does not catch up

async function render({ model, el }) {
  const [world, classes, trials, networks] = ["world", "classes", "trials", "networks"].map((key) => model.get(key));
  const { size, frames, shown } = world;
  const plain = Object.keys(trials)[0];
  const run = openNetworks(networks.map((each) => each.program), model.get("weights"), frames);
  const random = dice(model.get("seed"));
  const noise = grain(world.noise, random);

  // the stage ---------------------------------------------------------------------------------------------------------

  const frame = () => Object.assign(makeFrame(size), { image: new ImageData(size, size) });
  const [film, empty] = [Array.from({ length: shown }, frame), Array.from({ length: frames - shown }, frame)];
  const scene = { size, palette: world.palette, actor: world.actor, base: ground(world.waves, size, world.background), noise };
  const hand = makeHand({ ...world.at, speed: world.speed, least: shown });
  const headings = Array(shown).fill(null); // how it came into each frame of the film, the oldest first
  let [newest, trial, order, begun] = [0, model.get("trial"), [], false]; // until it has begun, the first view stays

  function paint(to, actor) {
    drawScene(to.x, { ...scene, actor, at: hand });
    const { data } = to.image;
    for (let k = 0, i = 0; k < to.x.length; k += 3, i += 4) {
      for (let c = 0; c < 3; c++) data[i + c] = Math.round(255 * to.x[k + c]);
      data[i + 3] = 255;
    }
    to.changed();
  }
  function step() {
    headings.push(hand.step(PATIENCE));
    headings.shift();
    newest = (newest + 1) % shown;
    paint(film[newest], scene.actor);
  }
  /** The order of a trial: places in the film, the oldest is 0; null for the empty stage. */
  function orderOf(name) {
    const [now, none] = [[...film.keys()], Array(frames - shown).fill(null)];
    const backwards = [...now].reverse();
    let mixed = now;
    while (name === "shuffled" && shown > 2 && [now, backwards].some((each) => each.join() === mixed.join())) {
      mixed = now.map((k) => [random(), k]).sort(([a], [b]) => a - b).map(([, k]) => k); // prettier-ignore
    }
    const orders = { reversed: backwards, shuffled: mixed, frozen: now.map(() => Math.floor(shown / 2)) };
    return name === "delayed" ? [...none, ...now] : [...(orders[name] ?? now), ...none];
  }
  const windowOf = (places) => {
    let blank = 0;
    return places.map((k) => (k === null ? empty[blank++] : film[(newest + 1 + k) % shown]));
  };
  /** What the object did in the frames of the film: a class, or null where it turned or started. */
  function deed() {
    const [first, ...rest] = headings.slice(1);
    return rest.every((each) => each === first) ? (first ?? classes.length - 1) : null;
  }
  function rightAnswer() {
    const done = deed();
    if (done === null || trial === "shuffled") return null;
    if (trial === "frozen") return classes.length - 1;
    return trial === "reversed" && done < 4 ? (done + 2) % 4 : done;
  }

  // what the networks say ---------------------------------------------------------------------------------------------

  const panels = networks.map((each) => makePanel(each, classes));
  const strip = makeStrip(frames, size);
  const { box, canvas, context } = view(size, size, "");
  canvas.removeAttribute("role");
  canvas.removeAttribute("aria-label");
  const probabilities = networks.map(() => [0, 1].map(() => new Float64Array(classes.length)));
  const doing = h("p", { class: "doing" });

  function look() {
    const [now, before] = [windowOf(order), windowOf(orderOf(plain))];
    const truth = rightAnswer();
    run.forEach((network, m) => {
      const [p, q] = probabilities[m];
      softmax(network(now), p);
      if (trial === plain) q.set(p);
      else softmax(network(before), q);
      panels[m].say(panels[m].show(p, q, truth), trial === plain);
    });
    context.putImageData(film[newest].image, 0, 0);
    strip.show(now, order);
    const [done, pace] = [deed(), hand.speed];
    const words = done === null ? "↷ it turns, starts or stops" : `${iconOf(classes[done])} ${classes[done]}`;
    const said = `${words}${done !== null && done < 4 ? `, ${pace.toFixed(1)} pixels a frame` : ""}`;
    if (doing.textContent !== said) doing.textContent = said;
  }

  // controls ----------------------------------------------------------------------------------------------------------

  const told = h("p", { class: "told", role: "status" });
  const buttons = Object.keys(trials).map((name) => h("button", { type: "button", onclick: () => setTrial(name) }, name));
  function setTrial(name, tell = true) {
    if (!(name in trials)) return;
    trial = name;
    order = orderOf(name);
    Object.keys(trials).forEach((each, k) => buttons[k].setAttribute("aria-pressed", String(each === name)));
    told.textContent = trials[name];
    panels.forEach((panel) => panel.measure(name, plain));
    figure.classList.toggle("changed", name !== plain);
    timed(el, look);
    if (tell) publish(model, { trial: name });
  }
  const demo = h("button", { type: "button", class: "demo", onclick: () => setDemo(!hand.demo) }, "demonstration");
  function setDemo(on) {
    hand.demo = on;
    demo.setAttribute("aria-pressed", String(on));
    if (on) hand.showNow();
    begun ||= on;
  }
  function recast() {
    scene.actor = castActor(world, random);
    scene.base = ground(Array.from({ length: world.waves.length }, random), size, world.background);
    empty.forEach((each) => paint(each, null));
    for (let k = 0; k < shown; k++) step();
    timed(el, look);
  }
  const other = h("button", { type: "button", onclick: recast }, "another object");

  const stage = h("button", { type: "button", class: "stage", "aria-label": "Stage: drag the object, or move it with the arrow keys" }, box);
  function aim(event) {
    const r = canvas.getBoundingClientRect();
    const to = (at, start, length) => ((at - start) / length) * size - 0.5;
    hand.goal = { x: to(event.clientX, r.left, r.width), y: to(event.clientY, r.top, r.height) };
    hand.touched();
    begun = true;
  }
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.focus();
    stage.setPointerCapture(event.pointerId);
    [hand.x, hand.y] = [hand.x, hand.y].map((value) => ((value % size) + size) % size);
    hand.down = true;
    aim(event);
  });
  stage.addEventListener("pointermove", (event) => hand.down && aim(event));
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(name, () => {
      if (hand.goal && Object.values(hand.goal).some((value) => value !== clamp(value, 0, size))) hand.goal = null;
      hand.down = false;
    });
  }
  stage.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    begun = true;
    hand.press(ARROWS[event.key]);
  });
  stage.addEventListener("keyup", (event) => event.key in ARROWS && hand.release(ARROWS[event.key]));
  stage.addEventListener("blur", () => hand.release());

  const figure = h(
    "figure",
    { class: "playground", "aria-label": model.get("alt") },
    h(
      "div",
      { class: "hand" },
      h("p", { class: "do" }, h("b", {}, "Drag the object"), h("span", {}, " or move it with the arrow keys")),
      stage,
      doing,
      h("div", { class: "buttons" }, demo, other),
    ),
    h(
      "div",
      { class: "seen" },
      h("div", { class: "trials buttons", role: "group", "aria-label": "what the networks see" }, h("b", {}, "Show them the frames"), ...buttons),
      strip.part,
      told,
    ),
    h(
      "div",
      { class: "answers" },
      h("p", { class: "legend" }, ...legend()),
      h("div", { class: "panels" }, ...panels.map(({ part }) => part)),
    ),
  );

  // time --------------------------------------------------------------------------------------------------------------

  let [rate, last, rested, seen] = [world.fps, performance.now(), 0, true];
  const watch = new IntersectionObserver(([entry]) => (seen = entry.isIntersecting));
  function tick(now) {
    if (!figure.isConnected) return watch.disconnect();
    requestAnimationFrame(tick);
    if (now - last < 1000 / rate - 2) return; // 2 ms: frames of the screen do not come exactly in time
    last = now - last > LATE ? now : Math.max(last + 1000 / rate, now - 1000 / rate);
    rested = hand.awake() || headings.some((each) => each !== null) ? 0 : rested + 1;
    if (!begun || !seen || rested > shown) return; // nothing happens
    timed(el, () => (step(), look()));
  }

  empty.forEach((each) => paint(each, null));
  for (let k = 0; k < 2 * shown; k++) step();
  setDemo(!calm());
  setTrial(trial, false);
  model.on("change:trial", () => setTrial(model.get("trial"), false));
  el.playground = { // for tests
    run: (x) => run.map((network) => Array.from(network(filmOf(x)))),
    draw: (actor, at, waves) => drawnAlone({ ...scene, actor, at, base: ground(waves, size, world.background), noise: () => 0 }),
    state: () => ({ trial, order, headings: [...headings], x: hand.x, y: hand.y, actor: scene.actor, p: probabilities.map(([p, q]) => [[...p], [...q]]) }),
    window: () => windowOf(order).map(({ x }) => Array.from(x)),
    setRate: (hertz) => (rate = hertz),
    advance: (n) => {
      for (let k = 0; k < n; k++) step();
      look();
    },
  };
  const spare = Array.from({ length: frames }, frame);
  function filmOf(x) {
    return spare.map((each, t) => {
      each.x.set(x.slice(t * each.x.length, (t + 1) * each.x.length));
      each.changed();
      return each;
    });
  }
  function drawnAlone(what) {
    drawScene(spare[0].x, what);
    return Array.from(spare[0].x, (value) => Math.round(255 * value));
  }
  mount(el, figure, { caption: model.get("caption") });
  watch.observe(figure);
  requestAnimationFrame(tick);
}

function legend() {
  return [
    h("span", {}, h("i", { class: "mark" }, "▶"), "its answer"),
    h("span", { class: "true" }, "the right answer"),
    h("span", {}, "✓ ✗ whether it is right"),
    h("span", { class: "if-changed" }, h("i", { class: "ghost" }), "the same frames as they were"),
  ];
}

export default { render };
