// The words of a figure in another language: whatever its script writes is looked up in CATALOGUE, which Python puts in
// front (see hooks.py), before it is painted. This is words.py line by line, in functions of the same names.
const { say, speak } = (() => {
  const PLACE = /\{(\d+)\}/;
  const WORD = /[A-Za-z]{2,}/g;
  const BETWEEN = /\n| · |; |\. |: |, |  # /g;
  const [SHORT, MANY] = [5, 16];
  const SPOKEN = ["aria-label", "aria-valuetext", "title", "alt", "placeholder"];
  const squeeze = (text) => text.replace(/\s+/g, " ").trim();
  const count = (text) => (text.match(WORD) ?? []).length;

  const forms = makeForms();
  function makeForms() {
    const made = new Map();
    for (const [text, said] of Object.entries(CATALOGUE.pairs)) {
      for (const form of [text, squeeze(said)]) {
        const parts = form.split(PLACE);
        const fixed = parts.filter((_, k) => k % 2 === 0);
        if (fixed.length < 2 || !fixed.some((part) => /\p{L}/u.test(part)) || made.has(form)) continue;
        const source = parts.map((part, k) => (k % 2 ? "(.*?)" : part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"))).join("");
        made.set(form, {
          said,
          looks: new RegExp(`^${source}$`, "s"),
          order: parts.filter((_, k) => k % 2),
          fixed: fixed.reduce((a, b) => (b.length > a.length ? b : a)),
          size: fixed.join("").length,
          numbers: fixed.join("").replace(/[^A-Za-z]/g, "").length < SHORT,
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
    for (const { said, looks, order, fixed, numbers } of forms) {
      const found = flat.includes(fixed) && flat.match(looks);
      if (!found) continue;
      const groups = found.slice(1);
      if (numbers && groups.some((group) => count(group))) continue;
      const places = Object.fromEntries(order.map((place, k) => [place, say(groups[k])]));
      return said.replace(/\{(\d+)\}/g, (_, place) => places[place]);
    }
    return cut(core);
  }
  function cut(core) {
    let [best, left] = [core, count(core)];
    const joints = [...core.matchAll(BETWEEN)];
    for (const joint of joints.length > MANY ? joints.slice(0, 1) : joints) {
      const [before, after] = [core.slice(0, joint.index), core.slice(joint.index + joint[0].length)];
      const parts = [say(before), say(after)];
      if (parts[0] === before && parts[1] === after) continue;
      const said = parts[0] + (CATALOGUE.joints[joint[0]] ?? joint[0]) + parts[1];
      if (count(said) < left) [best, left] = [said, count(said)];
    }
    return best;
  }

  /** Say all that stands in an element, and all that will ever be written into it. */
  function speak(el) {
    el.lang = CATALOGUE.lang;
    el.said = known; // for tests, and to find what is to be translated
    const text = (node) => {
      const said = say(node.data);
      if (said !== node.data) node.data = said; // which is noticed once more, and then says nothing new
    };
    const spoken = (node) => {
      for (const name of SPOKEN) {
        const value = node.getAttribute(name);
        const said = value && say(value);
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
