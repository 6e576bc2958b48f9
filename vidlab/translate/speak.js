// The words of a figure in another language: whatever its script writes is looked up in CATALOGUE, which Python puts in
// front (see hooks.py), before it is painted. This is words.py line by line, in functions of the same names.
const { say, speak } = (() => {
  const PLACE = /\{(\d+)\}/;
  const WORD = /[A-Za-z]{2,}/g;
  const BARE = /^([^\p{L}\p{N}_({[]*)(.*?)([^\p{L}\p{N}_)}\]]*)$/su;
  const BETWEEN = /\n| · |; |\. |: |, |  # /g;
  const SOFT = /(?<=[\d%→×)]) (?=[a-z])|(?<=[a-z]) (?=\d)/g;
  const [SHORT, MANY] = [4, 16];
  const SPOKEN = ["aria-label", "aria-valuetext", "title", "alt", "placeholder"];
  const squeeze = (text) => text.replace(/\s+/g, " ").trim();
  const weight = (fixed) => (fixed.match(/\p{L}/gu) ?? []).reduce((n, sign) => n + (sign > "\u2e7f" ? SHORT : 1), 0);
  const count = (text) => (text.match(WORD) ?? []).length;

  const forms = makeForms();
  function makeForms() {
    const made = new Map();
    for (const [text, said] of Object.entries(CATALOGUE.pairs)) {
      for (const form of [text, squeeze(said)]) {
        const parts = form.split(PLACE);
        const fixed = parts.filter((_, k) => k % 2 === 0);
        if (fixed.length < 2 || !fixed.some((part) => /\p{L}/u.test(part)) || made.has(form)) continue;
        const place = (k) => (/[A-Za-z]$/.test(parts[k - 1]) ? "([a-z]{0,2})" : "(.*?)"); // an ending, as in "frame{1}"
        const source = parts.map((part, k) => (k % 2 ? place(k) : part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"))).join("");
        made.set(form, {
          said,
          looks: new RegExp(`^${source}$`, "s"),
          longest: new RegExp(`^${source.replaceAll("(.*?)", "(.*)")}$`, "s"), // as much as can be in each place
          order: parts.filter((_, k) => k % 2),
          fixed: fixed.reduce((a, b) => (b.length > a.length ? b : a)),
          size: fixed.join("").length,
          numbers: weight(fixed.join("")) < SHORT,
        });
      }
    }
    return [...made.values()].sort((a, b) => b.size - a.size);
  }

  const known = new Map();
  function say(text) {
    const core = text.trim();
    if (!count(core)) return text;
    if (!known.has(core)) {
      if (known.size > 20000) known.clear();
      known.set(core, part(core));
    }
    const start = text.indexOf(core);
    return text.slice(0, start) + known.get(core) + text.slice(start + core.length);
  }
  function part(core) {
    const flat = squeeze(core);
    if (Object.hasOwn(CATALOGUE.pairs, flat)) return CATALOGUE.pairs[flat];
    let [best, least] = [core, count(core)];
    for (const said of ways(core, flat)) {
      const left = count(said);
      if (left < least) [best, least] = [said, left];
      if (!left) break;
    }
    return best;
  }
  function* ways(core, flat) {
    for (const { said, looks, longest, order, fixed, numbers } of forms) {
      if (!flat.includes(fixed) || !looks.test(flat)) continue;
      for (const found of [flat.match(looks), flat.match(longest)]) {
        if (numbers && found.slice(1).some(count)) continue;
        const places = Object.fromEntries(order.map((place, k) => [place, say(found[k + 1])]));
        yield said.replace(/\{(\d+)\}/g, (_, place) => places[place]);
      }
    }
    const [, front, inside, end] = core.match(BARE);
    if (front || end) yield (CATALOGUE.joints[front] ?? front) + say(inside) + (CATALOGUE.joints[`${end} `] ?? end);
    let joints = [...core.matchAll(BETWEEN)];
    if (!joints.length) joints = [...core.matchAll(SOFT)];
    if (joints.length > MANY) joints = joints.filter(([joint]) => joint === "\n" || joint === ". ").slice(0, MANY);
    for (const joint of joints) {
      const [before, after] = [core.slice(0, joint.index), core.slice(joint.index + joint[0].length)];
      yield say(before) + (CATALOGUE.joints[joint[0]] ?? joint[0]) + say(after);
    }
  }

  /** Say all that stands in an element, and all that will ever be written into it. */
  function speak(el) {
    el.lang = CATALOGUE.lang;
    el.said = new Map(); // for tests, and to find what is to be translated
    const told = (text) => {
      const said = say(text);
      if (count(text)) el.said.set(text.trim(), said);
      return said;
    };
    const text = (node) => {
      const said = told(node.data);
      if (said !== node.data) node.data = said; // which is noticed once more, and then says nothing new
    };
    const spoken = (node) => {
      for (const name of SPOKEN) {
        const value = node.getAttribute(name);
        const said = value && told(value);
        if (said && said !== value) node.setAttribute(name, said);
      }
    };
    const all = (node) => {
      if (node.nodeType === Node.TEXT_NODE) text(node);
      if (node.nodeType !== Node.ELEMENT_NODE) return;
      spoken(node);
      node.childNodes.forEach(all);
    };
    all(el);
    new MutationObserver((changes) => {
      for (const { type, target, addedNodes } of changes) {
        if (type === "characterData") text(target);
        else if (type === "attributes") spoken(target);
        else addedNodes.forEach(all);
      }
    }).observe(el, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: SPOKEN });
  }
  return { say, speak };
})();
