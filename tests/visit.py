"""A page of the built site, opened in the browser; the fixtures that it needs are in conftest.py."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

SITE = Path(__file__).parents[1] / "_build" / "html"

#: What opens fades in from the next frame on: wait for two, then end whatever still moves.
SETTLED = """async () => {
  for (let i = 0; i < 2; i += 1) await new Promise(requestAnimationFrame);
  document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).forEach((a) => a.finish());
}"""


class Visit:
    """A page opened in the browser, with what it asked for and what it complained of."""

    def __init__(self, browser, url, *, theme="light", width=1280, javascript=True, script=""):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=javascript)
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("requestfailed", lambda r: self.complaints.append(f"failed: {r.url}"))
        self.page.on("response", lambda r: r.status >= 400 and self.complaints.append(f"{r.status}: {r.url}"))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        if javascript:
            chosen = f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');"
            self.page.add_init_script(f"{chosen} {script}")
        self.page.goto(url, wait_until="load")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def inaccessible(self):
        """What axe-core finds wrong with the page as it is now."""
        self.page.evaluate(SETTLED)  # half-way through fading in, text has little contrast
        results = Axe().run(self.page).response["violations"]
        return [(v["id"], node["target"], node["failureSummary"][:300]) for v in results for node in v["nodes"]]
