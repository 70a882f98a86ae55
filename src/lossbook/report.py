"""The page's 'Check it': one loss against reference libraries, autograd and central differences."""

from __future__ import annotations

import importlib.util
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossbook._inputs import Array, prepare_parameters
from lossbook.card import LIBRARIES, Equivalent, evaluate

if TYPE_CHECKING:
    from lossbook.loss import Loss

#: Libraries a reader of the book has; the tests compare with the others too.
REFERENCES = {"PyTorch": "torch", "SciPy": "scipy", "scikit-learn": "sklearn", "statsmodels": "statsmodels"}
#: Rounding of ten operations in float64, and of a central difference of fourth order with a step of 1e-3.
EXACT, DIFFERENCED = 1e-12, 1e-8
#: The characters that a page shows in a line, and the longest finding that has its verdict on the same line.
COLUMN, WIDEST = 88, 64


@dataclass(frozen=True)
class Table:
    """Columns of numbers under their names."""

    header: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def lines(self) -> list[str]:
        """The rows as text; columns for which a line has no room follow below."""
        cells = [self.header, *([f"{x + 0.0:.6f}".rstrip("0").rstrip(".").replace("-", "−") for x in row] for row in self.rows)]
        columns = []
        for column in zip(*cells, strict=True):
            width = max(map(len, column))
            columns.append([cell.rjust(width) for cell in column])
        blocks = [["  ".join(row) for row in zip(*block, strict=True)] for block in _side_by_side(columns)]
        return [line for block in blocks for line in ["", *block]][1:]


def _side_by_side(columns: list[list[str]]) -> list[list[list[str]]]:
    """Columns in groups, each as wide as a page allows."""
    groups: list[list[list[str]]] = [[]]
    room = COLUMN
    for column in columns:
        if (width := len(column[0]) + 2) > room + 2:
            groups.append([])
            room = COLUMN
        groups[-1].append(column)
        room -= width
    return groups


@dataclass(frozen=True)
class Report:
    """The outcome of `Loss.check`: sample points with their derivatives, then the largest disagreements."""

    title: str
    tables: tuple[Table, ...]
    findings: tuple[tuple[str, float | None, float], ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What disagrees by more than rounding allows."""
        return tuple(what for what, gap, limit in self.findings if gap is not None and not gap <= limit)

    def __repr__(self) -> str:
        lines = textwrap.wrap(self.title, COLUMN, subsequent_indent="    ")
        for table in self.tables:
            lines += ["", *table.lines()]
        lines += ["", "largest difference"]
        label = max(len(what) for what, _, _ in self.findings if len(what) <= WIDEST)
        for what, gap, limit in self.findings:
            # Not the difference itself where all is well: rounding differs from one processor to the next.
            verdict = "not installed" if gap is None else f"under {limit:.0e}" if gap <= limit else f"{gap:.1e}  DISAGREES"
            if len(what) > WIDEST:  # the verdict goes under it
                lines += textwrap.wrap(what, COLUMN, initial_indent="  ", subsequent_indent=" " * 14, break_on_hyphens=False)
                what = ""
            lines.append(f"  {what.ljust(label)}  {verdict}")
        return "\n".join(lines)


def sample(
    loss: Loss, rng: np.random.Generator, shape: tuple[int, ...], parameters: Mapping[str, Any] | None = None
) -> list[np.ndarray]:
    """Arrays for each argument from the card's domains, in order, for examples of this shape.

    A row has three classes, or as many as a parameter of one number a class has numbers. Of targets that are
    probabilities the first half are labels, without anything between. Where an ``ignore_index`` is given, one example
    in four has it.
    """
    if loss.sampler:
        return list(loss.sampler(rng, math.prod(shape)))
    sizes: dict[str, Any] = {axis: 3 for axes in loss.layout.axes.values() for axis in axes.split()}
    for key, given in (parameters or {}).items():
        if given is not None and (axes := loss.card.parameters[key].axes) and axes != "...":
            sizes[axes] = len(given)
    sizes["..."] = shape
    arrays = []
    for argument in loss.arguments:
        domain = loss.card.domain_of(argument).within(sizes)
        array = domain.sample(rng, loss.layout.shape(loss.layout.of(argument), sizes))
        if argument in loss.targets and shape:
            half = shape[0] // 2
            array = np.concatenate([domain.hardened(array[:half]), array[half:]])
        arrays.append(array)
    if shape and (ignored := (parameters or {}).get("ignore_index")) is not None:
        arrays[0][1::4] = ignored
    return arrays


def report(loss: Loss, parameters: dict[str, Any]) -> Report:
    """See `Loss.check`."""
    if unknown := set(parameters) - set(loss.defaults):
        raise TypeError(
            f"{loss.name}.check takes {', '.join(loss.defaults) or 'no parameters'}; got {', '.join(sorted(unknown))}."
        )
    parameters = prepare_parameters(loss.name, loss.card, {**loss.defaults, **parameters})
    arrays = sample(loss, np.random.default_rng(0), (5,), parameters)
    arrays = [loss.card.domain_of(name).rounded(a) for name, a in zip(loss.arguments, arrays, strict=True)]
    options = {**parameters, **({"reduction": "none"} if loss.reducible else {})}
    hand = _as_tuple(loss.grad(*arrays, **options))
    auto = _autograd(loss, arrays, options)
    central = central_differences(loss, arrays, options)

    value = np.asarray(loss(*arrays, **options))
    inputs = dict(zip(loss.arguments, arrays, strict=True))
    nothing = np.full_like(value, np.nan)
    slopes = [
        {"by hand": hand[i], "autograd": auto[i] if auto else nothing, "differences": central[i]} for i in range(len(loss.wrt))
    ]
    if loss.layout.axes:  # rows: the entries of the gradient one below the other, those of the first examples
        tables = [_columns(_entries(inputs) | {"loss": value})] if loss.layout.example == "..." else []
        tables += [_columns(_flat(name, columns)) for name, columns in zip(loss.wrt, slopes, strict=True)]
    elif len(slopes) == 1:
        tables = [_columns({**inputs, "loss": np.broadcast_to(value, arrays[0].shape), **slopes[0]})]
    else:  # a table for each prediction: side by side they would be too wide for a page
        tables = [_columns({**inputs, "loss": value})]
        tables += [
            _columns({f"in {name}": np.arange(len(value)), **columns}) for name, columns in zip(loss.wrt, slopes, strict=True)
        ]

    findings: list[tuple[str, float | None, float]] = []
    for equivalent in loss.card.equivalents:
        if equivalent.library in REFERENCES and evaluate(equivalent.when, parameters):
            missing = importlib.util.find_spec(REFERENCES[equivalent.library]) is None
            gap = None if missing else _gap(loss, equivalent, arrays, parameters)
            findings.append((f"value     {_call_text(equivalent)}", gap, EXACT))
    findings.append(("gradient  PyTorch autograd of the same code", _largest(hand, auto) if auto else None, EXACT))
    findings.append(("gradient  central differences", _largest(hand, central), DIFFERENCED))

    shown = ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in parameters.items())
    made = Report(
        f"{loss.name}({shown}), float64" if shown else f"{loss.name}, float64",
        tuple(tables),
        tuple(findings),
    )
    if made.failures:
        raise AssertionError(f"{made!r}\n\n{loss.name} disagrees: {'; '.join(made.failures)}")
    return made


def _entries(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One column for each entry of the rows: ``z[0]``, ``z[1]`` …"""
    columns: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        columns |= {name: array} if array.ndim == 1 else {f"{name}[{k}]": array[:, k] for k in range(array.shape[1])}
    return columns


def _flat(name: str, columns: Mapping[str, np.ndarray], rows: int = 6) -> dict[str, np.ndarray]:
    """The first entries of arrays of more than one axis, one below the other, after their places."""
    places = np.indices(columns["by hand"].shape).reshape(columns["by hand"].ndim, -1)[:, :rows]
    index = {f"in {name}" if i == 0 else " " * i: place for i, place in enumerate(places)}
    return index | {title: column.ravel()[:rows] for title, column in columns.items()}


def _columns(columns: dict[str, np.ndarray]) -> Table:
    return Table(tuple(columns), tuple(tuple(float(x) for x in row) for row in zip(*columns.values(), strict=True)))


def reference_value(equivalent: Equivalent, names: dict[str, Array], parameters: dict[str, Any]) -> np.ndarray:
    """Run an equivalent on NumPy arrays, converted to what its library takes, and multiply by its factor."""
    scope: dict[str, Any] = {"np": np, "inf": math.inf}
    exec(LIBRARIES[equivalent.library], scope)
    if equivalent.library in ("PyTorch", "kornia", "Keras"):
        import torch

        names = {k: torch.asarray(v) for k, v in names.items()}
    elif equivalent.library == "Optax":
        import jax.numpy as jnp

        names = {k: jnp.asarray(v) for k, v in names.items()}
    answer = eval(equivalent.call, {**scope, **names, **parameters})
    factor = evaluate(equivalent.factor, parameters)
    assert isinstance(factor, (int, float))
    return np.asarray(answer) * factor


def _gap(loss: Loss, equivalent: Equivalent, arrays: list[np.ndarray], parameters: dict[str, Any]) -> float:
    if equivalent.hard:
        arrays = [
            loss.card.domain_of(n).hardened(a) if n in loss.targets else a for n, a in zip(loss.arguments, arrays, strict=True)
        ]
    names = dict(zip(loss.arguments, arrays, strict=True))
    theirs = reference_value(equivalent, names, parameters)
    ours = loss(*arrays, **parameters, **({"reduction": equivalent.reduction} if loss.reducible else {}))
    return _largest((np.asarray(ours),), (theirs,))


def _call_text(equivalent: Equivalent) -> str:
    factor = "" if equivalent.factor == "1" else f"{equivalent.factor} * "
    return f"{factor}{equivalent.call}"


def _autograd(loss: Loss, arrays: list[np.ndarray], options: dict[str, Any]) -> tuple[np.ndarray, ...] | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    tensors = [torch.tensor(a, requires_grad=name in loss.wrt) for name, a in zip(loss.arguments, arrays, strict=True)]
    leaves = [t for t in tensors if t.requires_grad]
    return tuple(g.numpy() for g in torch.autograd.grad(loss(*tensors, **options).sum(), leaves))


def central_differences(
    loss: Loss, arrays: Sequence[np.ndarray], options: dict[str, Any], step: float = 1e-3
) -> tuple[np.ndarray, ...]:
    """Fourth-order central differences of the summed loss, one entry of one prediction at a time.

    The step is relative where the entry is near an end of its domain. A row of probabilities is left for a moment:
    the derivative is the one of the formula, each entry moving alone.
    """
    answers = []
    for name in loss.wrt:
        place, domain = loss.arguments.index(name), loss.card.domain_of(name)
        slopes = np.zeros_like(arrays[place])
        for index in np.ndindex(slopes.shape):
            entry = float(arrays[place][index])
            own = step * min(1.0, entry - domain.low, domain.high - entry)

            def moved(by: float, place: int = place, index: tuple[int, ...] = index) -> np.ndarray:
                new = [a.copy() for a in arrays]
                new[place][index] += by
                return np.asarray(loss.unchecked(*new, **options))

            # Before summing, so that the other terms drop out and do not drown the difference.
            slopes[index] = np.sum(8 * (moved(own) - moved(-own)) - (moved(2 * own) - moved(-2 * own))) / (12 * own)
        answers.append(slopes)
    return tuple(answers)


def _as_tuple(gradient: Any) -> tuple[np.ndarray, ...]:
    return gradient if isinstance(gradient, tuple) else (gradient,)


def _largest(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> float:
    """The largest difference, relative where the numbers are larger than 1."""
    return max(float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)))) for a, b in zip(ours, theirs, strict=True))
