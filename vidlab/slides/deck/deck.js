// Starts the slides: figures begin when they are shown and keep their keys, and everything fits its page.

const WIDE = 1280;
const HIGH = 720;
const TEXT = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55]; // how much smaller the words of a slide may be
const LARGE = [1.4, 1.3, 1.2, 1.1]; // and how much larger, where there is room
const LARGEST = 1.7; // a figure beside its size in a notebook
const WIDTHS = [1400, 1280, 1160, 1080, 1000, 940, 880, 820, 760, 700, 660, 620, 580, 540]; // it rearranges itself
const LEAST = 0.7; // lines this small are broken rather than set smaller still
const SMALL = 200; // a picture is never less high
const SPARE = 0.9; // of the page: if figures and words fill less, the words may grow, as long as no figure shrinks

/** A figure's script was kept from running (see export.py): let it run now. */
function start(slide) {
  for (const waiting of slide.querySelectorAll('script[type="text/x-widget"]')) {
    const script = document.createElement("script");
    script.textContent = waiting.textContent;
    waiting.replaceWith(script);
  }
}

/** Give a figure the width at which it can be shown largest in a room so high. */
function fitFigure(box, room) {
  const stage = box.firstElementChild;
  const figure = stage.querySelector("figure") ?? stage;
  const wide = box.clientWidth;
  const at = (width) => {
    stage.style.width = `${width}px`;
    return { width, scale: Math.min(LARGEST, wide / width, room / stage.offsetHeight) };
  };
  let best = at(WIDTHS[0]);
  for (const width of WIDTHS.slice(1)) {
    const found = at(width);
    if (found.scale > 1.02 * best.scale) best = found;
  }
  at(best.width);
  best = at(Math.min(best.width, figure.offsetWidth || best.width)); // many are no wider than they need
  const scale = Math.max(0.3, best.scale);
  stage.style.transform = `scale(${scale})`;
  stage.style.marginLeft = `${(wide - scale * best.width) / 2}px`;
  stage.dataset.scale = scale;
  stage.dataset.alive = String(figure !== stage);
  box.style.height = `${stage.offsetHeight * scale}px`;
}

/** Code and tables are set smaller where they are too wide; lines are broken only when that is not enough. */
function fitLines(block, largest) {
  const set = (size) => block.style.setProperty("--code", size);
  const breaks = block.matches("pre");
  block.style.whiteSpace = "";
  for (const size of [...LARGE, ...TEXT].filter((size) => size <= largest)) {
    if (breaks && size < LEAST) break;
    set(size);
    if (block.scrollWidth <= block.clientWidth) return;
  }
  if (breaks) {
    set(Math.min(largest, LEAST));
    block.style.whiteSpace = "pre-wrap";
  }
}

/** Set the words in one size, and give its figures the room that is left; whether all of it stands on the page. */
function lay(page, elastic, text) {
  page.style.setProperty("--text", text);
  for (const block of page.querySelectorAll(":is(pre, .table):not(.vidlab *)")) fitLines(block, text);
  for (const box of elastic) {
    box.style.height = "0";
    box.style.overflow = "hidden";
  }
  const room = (HIGH - page.offsetHeight) / elastic.length;
  for (const box of elastic) {
    box.style.overflow = "";
    if (box.matches(".widget")) fitFigure(box, Math.max(room, SMALL));
    else {
      box.style.height = "auto";
      box.firstElementChild.style.maxHeight = `${Math.max(SMALL, room)}px`;
    }
  }
  const words = [...page.querySelectorAll(":is(p, li):not(.vidlab *)")];
  const wide = words.some((one) => one.scrollWidth > one.clientWidth); // a formula is not broken over two lines
  return page.offsetHeight <= HIGH && page.scrollWidth <= WIDE && !wide;
}

/** Fit one slide: as large as can be read together, figures first; if there is too little room, the words shrink. */
function fit(slide) {
  const page = slide?.querySelector(":scope > .page");
  if (!page) return;
  const elastic = [...page.querySelectorAll(".elastic")];
  const heights = () => elastic.map((box) => box.offsetHeight);
  lay(page, elastic, 1);
  const usual = heights();
  const free = elastic.length === 0 || page.offsetHeight < SPARE * HIGH;
  for (const text of [...(free ? LARGE : []), ...TEXT]) {
    const fits = lay(page, elastic, text);
    slide.dataset.text = text;
    if (fits && (text <= 1 || heights().every((height, k) => height > usual[k] - 2))) return;
  }
}

/** A figure has come alive, or grew as it was used: it must not leave the page. */
const watch = new ResizeObserver((changes) => {
  const slide = Reveal.getCurrentSlide();
  for (const { target: stage } of changes) {
    if (stage.closest("section") !== slide) continue;
    stage.parentElement.style.height = `${stage.offsetHeight * stage.dataset.scale}px`;
    const born = stage.dataset.alive === "false" && stage.querySelector("figure");
    if (born || slide.firstElementChild.offsetHeight > HIGH) fit(slide);
  }
});

function show(slide) {
  if (!slide) return;
  start(slide);
  fit(slide);
  for (const stage of slide.querySelectorAll(".stage")) watch.observe(stage);
}

const holds = () => document.activeElement?.closest?.(".vidlab") ?? null;

async function begin() {
  await Promise.all([MathJax.startup.promise, ...[...document.fonts].map((font) => font.load().catch(() => {}))]);
  const reveal = document.querySelector(".reveal");
  Reveal.on("slidechanged", (event) => {
    holds()?.ownerDocument.activeElement.blur(); // a figure that is out of sight has no use for the keys
    show(event.currentSlide);
  });
  await Reveal.initialize({
    width: WIDE,
    height: HIGH,
    margin: 0,
    maxScale: 6,
    controls: false,
    center: false,
    hash: true,
    transition: "none",
    slideNumber: "c/t",
    navigationMode: "linear", // one key leads through all: what a presenter's remote sends
    keyboardCondition: () => !holds(),
    plugins: [RevealNotes, RevealZoom], // Alt and a click enlarge what is too small for the last row
  });
  show(Reveal.getCurrentSlide());
  reveal.classList.remove("waits");
  document.documentElement.dataset.begun = "";
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") holds() && document.activeElement.blur();
});
for (const kind of ["focusin", "focusout"]) {
  document.addEventListener(kind, () => setTimeout(() => document.body.classList.toggle("held", Boolean(holds()))));
}
begin();
