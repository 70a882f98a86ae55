"""Run the pages that changed, on all cores, into the cache from which Sphinx takes their outputs.

``python -m lossbook.sphinx.execute`` does it for the book in the current folder.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from traitlets import default

from lossbook.sphinx.sources import Sources

#: The most seconds that one cell may take.
CELL_TIMEOUT = 600
#: The most seconds that a kernel may take to come up: on a busy machine with cold disks a minute is not enough.
STARTUP_TIMEOUT = 300
SLOWEST_SHOWN = 10


def execute(sources: Sources) -> int:
    """Run every page whose outputs are not cached. Returns how many failed; what failed is printed."""
    if sources.caches.is_dir():
        for folder in sources.caches.iterdir():
            if folder != sources.cache:
                shutil.rmtree(folder)
    waiting = sources.without_outputs(sources.pages())
    if not waiting:
        print("Every page has run; nothing to execute.")
        return 0

    cache, environment = get_cache(sources.cache), _environment(sources)
    start, seconds, failures = time.perf_counter(), {}, []
    print(f"Executing {len(waiting)} page{'s' if len(waiting) > 1 else ''} ...", flush=True)
    # One thread a kernel: the work is done in the kernels' own processes. Taking the pages one by one keeps
    # every core busy to the end, which jupyter-cache's own pool does not: it deals them out in batches.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(_run, notebook, environment): page for page, notebook in waiting.items()}
        for done in as_completed(running):
            page = running[done]
            notebook, took, error = done.result()
            if error is None:
                seconds[page] = took
                cache.cache_notebook_bundle(
                    CacheBundleIn(notebook, str(sources.path(page)), data={"execution_seconds": took}),
                    check_validity=False, overwrite=True,
                )  # fmt: skip
                print(f"  {page}  {took:.1f} s", flush=True)
            else:
                failures.append(page)
                print(f"\nbook/{page}.md FAILED\n{error}\n", file=sys.stderr, flush=True)
    print(f"Executed {len(seconds)} in {time.perf_counter() - start:.1f} s.")
    if len(seconds) > 1:
        slowest = sorted(seconds, key=lambda page: -seconds[page])[:SLOWEST_SHOWN]
        print("The slowest:", ", ".join(f"{page} {seconds[page]:.1f} s" for page in slowest))
    if failures:
        print(f"{len(failures)} failed: {', '.join(f'book/{page}.md' for page in failures)}", file=sys.stderr)
    return len(failures)


def _run(notebook: NotebookNode, environment: dict[str, str]) -> tuple[NotebookNode, float, str | None]:
    """Execute in place; the seconds it took, and what went wrong."""
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return notebook, 0.0, None
    start = time.perf_counter()
    # An empty folder, so that no page comes to depend on files that its notebook on Colab does not have.
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            startup_timeout=STARTUP_TIMEOUT,
            kernel_manager_class=_OwnKernel,
            extra_arguments=["--log-level=ERROR"],  # else each kernel warns that nothing encrypts its connection to this process
            record_timing=False,  # times in the cells' metadata would be part of what the cache looks at
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env=environment)
            error = _error_in_outputs(notebook)
        except CellExecutionError as raised:
            error = str(raised)
        except Exception as raised:  # a cell that takes too long, a kernel that dies or never starts
            error = f"{type(raised).__name__}: {raised}"
    return notebook, time.perf_counter() - start, error and re.sub(r"\x1b\[[0-9;]*m", "", error).strip()


def _error_in_outputs(notebook: NotebookNode) -> str | None:
    # An exception while an output is being displayed is only printed: to Jupyter the cell has succeeded.
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                return "\n".join(["An error occurred while displaying what this cell made:", cell.source, *output.traceback])
    return None


class _OwnKernel(AsyncKernelManager):
    """The kernel of this environment, whatever python3 means elsewhere on the machine."""

    @default("kernel_spec_manager")
    def _own_specs(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[str(Path(sys.prefix) / "share" / "jupyter" / "kernels")])


def _environment(sources: Sources) -> dict[str, str]:
    """The kernels' environment variables: outputs are the same on every machine, whatever its user has configured."""
    own = sources.build.resolve()
    return {
        **os.environ,
        "LOSSBOOK_STATIC": "1",  # live figures draw all their frames
        "IPYTHONDIR": str(own / ".ipython"),
        "MPLCONFIGDIR": str(own / ".matplotlib"),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        # A kernel a core, one thread a kernel: more threads only get in each other's way.
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    }


if __name__ == "__main__":
    sys.exit(1 if execute(Sources(Path.cwd())) else 0)
