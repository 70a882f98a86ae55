"""The package as a thing to import and to install: examples, imports, signatures, style that matters for correctness."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lossbook
from lossbook.loss import REDUCTIONS, Loss

ROOT = Path(__file__).parents[1]
MODULES = ["lossbook", *(module.name for module in pkgutil.walk_packages(lossbook.__path__, "lossbook."))]
LOSSES = [pytest.param(loss, id=name) for name, loss in lossbook.catalogue.items()]

# The contract of the book: names, arguments, defaults, and what is differentiated.
SIGNATURES = {
    "classification": {
        "binary_cross_entropy": ("y, p", {}, "p"),
        "binary_cross_entropy_with_logits": ("y, z", {"pos_weight": 1.0}, "z"),
        "focal": ("y, z", {"gamma": 2.0, "alpha": None}, "z"),
        "hinge": ("y, score", {}, "score"),
        "squared_hinge": ("y, score", {}, "score"),
        "brier": ("y, p", {}, "p"),
        "kl_divergence": ("p, q", {}, "q"),
        "cosine_distance": ("y, y_hat", {}, "y_hat"),
        "cross_entropy": ("y, p", {}, "p"),
        "softmax_cross_entropy": ("y, z", {}, "z"),
        "sparse_softmax_cross_entropy": (
            "labels, z",
            {"label_smoothing": 0.0, "class_weight": None, "ignore_index": None},
            "z",
        ),
        "sigmoid_cross_entropy": ("y, z", {}, "z"),
        "softmax_focal": ("labels, z", {"gamma": 2.0, "alpha": None}, "z"),
        "multiclass_hinge": ("labels, scores", {"margin": 1.0}, "scores"),
    },
    "regression": {
        "mse": ("y, y_hat", {}, "y_hat"),
        "mae": ("y, y_hat", {}, "y_hat"),
        "rmse": ("y, y_hat", {}, "y_hat"),
        "huber": ("y, y_hat", {"delta": 1.0}, "y_hat"),
        "smooth_l1": ("y, y_hat", {"beta": 1.0}, "y_hat"),
        "log_cosh": ("y, y_hat", {}, "y_hat"),
        "pinball": ("y, y_hat", {"tau": 0.5}, "y_hat"),
        "poisson_nll": ("y, log_rate", {"full": False}, "log_rate"),
        "gaussian_nll": ("y, mean, log_var", {"full": False}, "mean, log_var"),
        "general_robust": ("y, y_hat", {"alpha": 1.0, "scale": 1.0}, "y_hat"),
        "gaussian_crps": ("y, mean, scale", {}, "mean, scale"),
    },
    "sequences": {
        "token_cross_entropy": ("labels, z", {"mask": None, "label_smoothing": 0.0}, "z"),
        "distillation": ("teacher_z, student_z", {"temperature": 1.0}, "student_z"),
        "ctc": ("log_probs, targets, input_lengths, target_lengths", {"blank": 0}, "log_probs"),
    },
    "foundations": {
        "l1": ("parameters", {"strength": 1.0}, "parameters"),
        "l2": ("parameters", {"strength": 1.0}, "parameters"),
        "elastic_net": ("parameters", {"strength": 1.0, "l1_ratio": 0.5}, "parameters"),
    },
}


#: The modules of losses; a part may be a package of several.
PARTS = [name for name in MODULES if name.partition(".")[2].partition(".")[0] in SIGNATURES]


def test_signatures() -> None:
    for part, losses in SIGNATURES.items():
        assert [name for name, loss in lossbook.catalogue.items() if loss.card.part == part] == list(losses)
        for name, (arguments, defaults, wrt) in losses.items():
            loss = lossbook.catalogue[name]
            assert ", ".join(loss.arguments) == arguments
            assert loss.defaults == defaults
            assert ", ".join(loss.wrt) == wrt
            assert loss.reducible == (name != "rmse")
            assert getattr(lossbook, name) is loss
            assert name in lossbook.__all__


@pytest.mark.parametrize("loss", LOSSES)
def test_what_python_shows(loss: Loss) -> None:
    """Parameters are keyword-only, the default is the mean, of a penalty the sum, and help() finds the docstring."""
    parameters = inspect.signature(loss).parameters
    for name, parameter in parameters.items():
        assert parameter.kind is (parameter.POSITIONAL_OR_KEYWORD if name in loss.arguments else parameter.KEYWORD_ONLY)
    if loss.reducible:
        assert parameters["reduction"].default == ("mean" if loss.targets else "sum")
        assert parameters["reduction"].default in REDUCTIONS
        assert parameters["weight"].default is None
    assert str(inspect.signature(loss)) in repr(loss)
    assert inspect.getdoc(loss)
    assert inspect.unwrap(loss).__name__ == loss.name == loss.__name__
    assert all(f"{name} :" in str(loss.__doc__) for name in loss.defaults)


# Examples


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    shown = {test.name.rpartition(".")[2] for test in doctest.DocTestFinder().find(module) if test.examples}
    assert {loss.name for loss in lossbook.catalogue.values() if loss.__module__ == name} <= shown, "a loss has no example"


# Importing


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_is_quick() -> None:
    """Under 0.3 s of the processor, best of five: the clock on the wall would measure the other tests."""
    code = "import time; start = time.process_time(); import lossbook; print(time.process_time() - start)"
    assert min(float(fresh(code)) for _ in range(5)) < 0.3


def test_import_brings_nothing_heavy() -> None:
    heavy = {"torch", "jax", "matplotlib", "scipy", "ipywidgets", "IPython", "pandas", "sklearn", "sphinx"}
    assert not heavy & set(json.loads(fresh("import json, sys, lossbook; print(json.dumps(list(sys.modules)))")))


def test_numpy_arrays_bring_no_other_library() -> None:
    code = (
        "import numpy as np, sys, lossbook; y = np.ones(3); lossbook.huber.value_and_grad(y, y);"
        "print([m for m in ('torch', 'jax', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    assert fresh(code).strip() == "[]"


def test_the_wheel_holds_every_data_file() -> None:
    """setuptools packs Python files and what package-data lists: py.typed, without which no checker reads the types."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    package = Path(lossbook.__file__).parent
    folders = {package.parent.joinpath(*name.split(".")): patterns for name, patterns in listed.items()}
    packed = {file for folder, patterns in folders.items() for pattern in patterns for file in folder.glob(pattern)}
    data = {file for file in package.glob("**/*") if file.is_file() and file.suffix not in (".py", ".pyc")}
    assert package / "py.typed" in data
    assert data <= packed, f"not in package-data: {sorted(map(str, data - packed))}"


# Style that matters


@pytest.mark.parametrize("name", ["lossbook._xp", *PARTS])
def test_nothing_is_changed_in_place(name: str) -> None:
    """``a += b`` writes into the caller's NumPy array, breaks PyTorch's backward pass and fails in JAX."""
    source = inspect.getsource(importlib.import_module(name))
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.AugAssign), f"{name}, line {node.lineno}: augmented assignment"
        if isinstance(node, ast.Assign | ast.Delete):
            items = [target for target in node.targets if isinstance(target, ast.Subscript)]
            assert not items, f"{name}, line {node.lineno}: assignment to an item"


@pytest.mark.parametrize("name", PARTS)
def test_losses_take_nothing_from_a_single_library(name: str) -> None:
    """A loss computes with the namespace it is given; only _xp knows PyTorch, JAX and SciPy by name."""
    tree = ast.parse(inspect.getsource(importlib.import_module(name)))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert all(i in ("__future__", "math", "typing") or i.startswith("lossbook") for i in imported), imported


def test_a_loss_knows_no_part() -> None:
    """Imports run one way: the parts import loss.py, which imports none of them."""
    for name in ("loss", "card", "domain", "_inputs", "_xp"):
        source = inspect.getsource(importlib.import_module(f"lossbook.{name}"))
        assert not any(f"lossbook.{part}" in source for part in SIGNATURES)
