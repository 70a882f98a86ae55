"""How long a live figure takes to show the next drawing, on the built pages, in headless Chromium.

The time runs from the input event of a slider to the moment at which the new drawing is decoded and on its
image. Medians over every step of the first slider of each live figure; beside them the same figure written
into the page with innerHTML, the obvious way, as the peer.
"""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[1] / "_build" / "html"

MEASURE = """
async (figure) => {
  const image = figure.querySelector("img");
  const input = figure.querySelector("input[type=range]");
  if (!input) return null;
  const steps = Number(input.max) + 1;
  const ours = [], theirs = [];
  const box = document.createElement("div");
  figure.append(box);
  for (let i = 0; i < Math.max(steps, 12); i++) {
    input.value = (Number(input.value) + 1) % steps;
    let start = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await image.decode();
    ours.push(performance.now() - start);
    const source = decodeURIComponent(image.src.slice("data:image/svg+xml,".length));
    start = performance.now();
    box.innerHTML = source;
    box.getBoundingClientRect();
    theirs.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  box.remove();
  return [ours, theirs];
}
"""


def main() -> None:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    everything: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-background-networking"])
        page = browser.new_page()
        print(f"{'page':<28}{'figures':>8}{'median ms':>11}{'worst ms':>10}{'innerHTML ms':>14}{'ratio':>7}")
        for built in sorted(SITE.rglob("*.html")):
            if 'class="lb-explore"' not in built.read_text(encoding="utf-8"):
                continue
            page.goto(built.as_uri(), wait_until="load")
            measured = [m for m in (f.evaluate(MEASURE) for f in page.locator(".lb-explore").all()) if m]
            ours = [t for m in measured for t in m[0]]
            theirs = statistics.median(t for m in measured for t in m[1])
            median = statistics.median(ours)
            everything += ours
            name = built.relative_to(SITE).as_posix()
            print(f"{name:<28}{len(measured):>8}{median:>11.1f}{max(ours):>10.1f}{theirs:>14.1f}{median / theirs:>7.2f}")
        browser.close()
    print(f"median over all steps: {statistics.median(everything):.1f} ms (a frame at 60 a second is 16.7 ms)")


if __name__ == "__main__":
    main()
