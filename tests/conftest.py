"""What holds for every test: float64 in JAX, one thread in PyTorch and NumPy, the same inputs in every run.

And what all tests of the site share: one server, one browser.
"""

import functools
import http.server
import os
import shutil
import threading

# Before NumPy is imported. The book's pages ran with one thread: with two, sums would round in another order.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import jax
import pytest
import torch
from hypothesis import HealthCheck, settings
from playwright.sync_api import sync_playwright
from visit import SITE

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)  # the tests themselves run in parallel

settings.register_profile(
    "book",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("book")

#: Chromium's own start-up traffic, which is not the page's.
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="session")
def server():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.fixture(scope="session")
def browser():
    installed = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = os.environ.get("CHROMIUM") or next(installed, None)
    assert path, "these tests need Chromium: `apt-get install chromium`, or set CHROMIUM to its path"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield running
        running.close()
