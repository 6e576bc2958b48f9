"""What tests of slides in a browser share: a deck that is opened with no network, and a measure of what it shows."""

from hands import PATIENCE

# What of a slide can be seen outside its window, in pixels; and its smallest words, in pixels of a page 1280 wide.
MEASURE = """() => {
  const slide = Reveal.getCurrentSlide();
  const out = [];
  let smallest = Infinity;
  const walk = document.createTreeWalker(slide, NodeFilter.SHOW_ELEMENT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node.closest("aside, style, script, mjx-assistive-mml, defs") || !node.checkVisibility()) continue;
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || node.parentElement.closest("svg")) continue; // an svg cuts off what leaves it
    const past = Math.max(-box.left, -box.top, box.right - innerWidth, box.bottom - innerHeight);
    if (past > 1) out.push([node.tagName, node.className, past, node.textContent.slice(0, 40)]);
    const says = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (says && !node.closest(".vidlab, mjx-container")) {
      smallest = Math.min(smallest, parseFloat(getComputedStyle(node).fontSize));
      if (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display === "block") {
        out.push([node.tagName, "wider than it may be", node.scrollWidth - node.clientWidth]);
      }
    }
  }
  for (const button of slide.querySelectorAll(".vidlab button")) {
    if (button.closest("[hidden], details:not([open])")) continue;
    const seen = button.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!seen) out.push(["BUTTON", "cannot be seen", button.textContent]);
  }
  const figures = [...slide.querySelectorAll(".stage")].map((stage) => Number(stage.dataset.scale));
  return { cell: slide.dataset.cell, out, smallest, figures };
}"""


def open_offline(browser, deck, wrong: list[str], size=(1280, 720), **options):
    """A page that shows a deck, with no network. What goes wrong on it is added to `wrong`."""
    context = browser.new_context(offline=True, viewport=dict(zip(("width", "height"), size, strict=True)), **options)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    page.on("requestfailed", lambda request: wrong.append(request.url[:100]))
    page.on("request", lambda request: request.url.startswith("http") and wrong.append(request.url[:100]))
    page.goto(deck.as_uri())
    page.wait_for_selector("html[data-begun]")
    return page
