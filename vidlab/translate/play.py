"""Figures on a page, with each of their controls moved, to see every text they can show. Needs Chromium."""

from __future__ import annotations

MOVE = """async (el) => {
  const fire = (node, kind) => node.dispatchEvent(new Event(kind, { bubbles: true }));
  const rest = () => new Promise((then) => setTimeout(then, 0));
  async function slide() {
    for (const input of el.querySelectorAll("input[type=range]")) {
      const [was, low, high] = [input.value, Number(input.min), Number(input.max)];
      const every = high - low <= 20 ? Array.from({ length: high - low + 1 }, (_, k) => low + k) : [low, high];
      for (const value of [...every, was]) {
        input.value = value;
        fire(input, "input");
        await rest();
      }
    }
    for (const button of el.querySelectorAll("button")) (button.click(), await rest(), fire(button, "focusin"));
    for (const button of el.querySelectorAll("button.play")) (button.click(), await rest());
  }
  async function choose(selects) {
    if (!selects.length) return slide();
    for (const { value } of [...selects[0].options]) {
      selects[0].value = value;
      fire(selects[0], "change");
      await choose(selects.slice(1));
    }
  }
  for (const input of el.querySelectorAll("input[type=checkbox], input[type=radio]")) {
    input.click();
    await slide();
  }
  await choose([...el.querySelectorAll("select")]);
  await rest();
  return Object.fromEntries(el.said);
}"""


def play(pages: list[str]) -> dict[str, str]:
    """Text -> what was shown in its place, of all that these live figures (html) write when they are played with.

    Raises:
        DataError: Chromium, or Playwright that drives it, is missing.
    """
    from ..doctor import chromium, install_line
    from ..errors import DataError

    if chromium() is None:
        wanted = "one, to see all that figures show"
        raise DataError("there is no Chromium here", wanted=wanted, mend=install_line("chromium"))
    from playwright.sync_api import sync_playwright

    said: dict[str, str] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            for html in pages:
                page = browser.new_page()
                page.set_default_timeout(300_000)
                page.set_content(f"<!doctype html><meta charset=utf-8><main>{html}</main>")
                figure = page.locator("[data-vidlab][data-ready]")
                figure.wait_for()
                said |= figure.evaluate(MOVE)
                page.close()
        finally:
            browser.close()
    return said
