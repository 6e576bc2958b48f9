// What the pages of the site do by themselves: formulas, figures that start when they come near, words that explain
// themselves. Nothing is fetched but files beside the page, by script elements, as a page on a disk may do no other.

const all = (what, from = document) => [...from.querySelectorAll(what)];
const at = (hash) => document.getElementById(decodeURIComponent(hash.slice(1)));

/** The figures take their colours from JupyterLab's names; they follow the theme that is chosen here. */
function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => {
    const theme = document.body.dataset.theme;
    document.body.dataset.jpThemeLight = String(!(theme === "dark" || (theme !== "light" && dark.matches)));
  };
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", tell);
  tell();
}

function renderFormulas() {
  for (const node of all(".math")) {
    const said = node.textContent;
    window.katex.render(said, node, { displayMode: node.localName === "div", throwOnError: false, strict: "ignore" });
    if (node.querySelector(".katex-error")) console.error(`a formula that cannot be read: ${said}`);
  }
}

/** A figure's script is loaded when the reader is a screen away; until then its poster stands there. */
function startFigures() {
  const near = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        const script = document.createElement("script");
        script.src = target.dataset.live;
        document.head.append(script);
      }
    },
    { rootMargin: "100% 0px" },
  );
  for (const figure of all("[data-live]")) near.observe(figure);
}

/** What scrolls in itself can be reached by keyboard, and a table scrolls without the page. */
function scrollInside() {
  for (const table of all("article table")) {
    if (table.closest(".vidlab, .table-wrapper, .wide")) continue;
    const around = document.createElement("div");
    around.className = "wide";
    table.replaceWith(around);
    around.append(table);
  }
  const reach = () => {
    for (const node of all("article pre, .table-wrapper, .wide, div.math, .output.page")) {
      if (node.scrollWidth > node.clientWidth + 1) node.tabIndex = 0;
      else node.removeAttribute("tabindex");
    }
  };
  reach();
  addEventListener("resize", reach);
}

/** What the theme leaves without name, level or landmark gets it, for readers who go by headings and landmarks. */
function nameLandmarks() {
  for (const caption of all(".caption[role=heading]")) caption.setAttribute("aria-level", "2");
  for (const [what, name] of [[".sidebar-drawer", "Pages"], [".toc-drawer", "On this page"]]) {
    for (const node of all(what)) node.setAttribute("aria-label", name);
  }
  const article = document.querySelector("#furo-main-content, article");
  if (article && !document.querySelector("h1")) {
    article.prepend(Object.assign(document.createElement("h1"), { textContent: "Search" }));
  }
  for (const [what, name] of [[".content-icon-container", "Theme and contents"], [".back-to-top", "Top of the page"]]) {
    for (const node of all(what)) {
      const around = document.createElement("nav");
      around.setAttribute("aria-label", name);
      around.style.display = "contents";
      node.replaceWith(around);
      around.append(node);
    }
  }
}

/** Formulas and wide tables have changed the heights above: what the address names is brought into view once more. */
function arrive() {
  if (location.hash) at(location.hash)?.scrollIntoView({ behavior: "instant" });
}

/** A dotted word: its meaning under the pointer, at the Tab key, or at the first touch. Escape closes it. */
function explainTerms() {
  const note = document.createElement("div");
  note.id = "term-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;
  (document.querySelector("[role=main]") ?? document.body).append(note);
  let shown = null;
  let waiting = 0;

  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    note.hidden = true;
  };
  const hideSoon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(hide, 200);
  };
  const show = (link) => {
    const found = window.vidlabTerms?.[link.hash.slice(1)];
    clearTimeout(waiting);
    if (!found || shown === link) return;
    hide();
    shown = link;
    const name = document.createElement("strong");
    name.textContent = found[0];
    note.replaceChildren(name, ` ${found[1]}`);
    note.hidden = false;
    link.setAttribute("aria-describedby", note.id);
    const at = link.getClientRects()[0];
    const { offsetWidth: width, offsetHeight: height } = note;
    const room = document.documentElement.clientWidth - width - 8;
    const above = at.bottom + height + 8 > innerHeight && at.top > height + 8;
    note.style.left = `${Math.max(8, Math.min(at.left, room))}px`;
    note.style.top = `${above ? at.top - height - 4 : at.bottom + 4}px`;
  };

  let touched = false;
  for (const link of all("a.term")) {
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(link));
    link.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideSoon());
    link.addEventListener("pointerdown", (event) => (touched = event.pointerType !== "mouse" && shown !== link));
    link.addEventListener("focus", () => !touched && show(link));
    link.addEventListener("blur", hideSoon);
    link.addEventListener("click", (event) => {
      if (!touched) return;
      event.preventDefault(); // the first touch explains, the second leads to the glossary
      touched = false;
      show(link);
    });
  }
  note.addEventListener("pointerenter", () => clearTimeout(waiting));
  note.addEventListener("pointerleave", hideSoon);
  addEventListener("scroll", () => shown && hide(), { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("pointerdown", (event) => shown && event.target !== shown && !note.contains(event.target) && hide());
}

function start() {
  followTheme();
  renderFormulas();
  scrollInside();
  startFigures();
  explainTerms();
  nameLandmarks();
  arrive();
  addEventListener("load", arrive, { once: true });
  document.documentElement.dataset.ready = "";
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
else start();
