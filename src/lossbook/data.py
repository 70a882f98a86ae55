"""Real data: tables from the wheels of scikit-learn and statsmodels, split and scaled the same way on every page, and text."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

#: The prose of pages of this book as they once were; lossbook.sphinx.prose wrote it.
SAMPLE = Path(__file__).with_name("pages.txt")


class Split(NamedTuple):
    """Features of shape (m, p), scaled to mean 0 and standard deviation 1 on the training part, and targets."""

    x_train: np.ndarray
    x_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    names: tuple[str, ...]


def diabetes(seed: int = 0, *, corrupt: float = 0.0) -> Split:
    """Disease progression of 442 diabetes patients from ten measurements (Efron et al., 2004); a third is for testing.

    corrupt : the share of training targets that are multiplied by 10, as a lost decimal point would do. The
        test targets stay clean.
    """
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    split = _split(bunch.data, bunch.target, tuple(bunch.feature_names), seed)
    if corrupt:
        rng = np.random.default_rng(seed + 1)
        hit = rng.choice(split.y_train.size, round(corrupt * split.y_train.size), replace=False)
        split.y_train[hit] = 10 * split.y_train[hit]
    return split


def doctor_visits(seed: int = 0) -> Split:
    """Outpatient visits in 20 190 person-years of the RAND health insurance experiment, from nine features.

    A person may appear in several years, so the two parts of a split share people.
    """
    from statsmodels.datasets import randhie

    frame = randhie.load_pandas().data
    names = tuple(c for c in frame.columns if c != "mdvis")
    return _split(frame[list(names)].to_numpy(float), frame["mdvis"].to_numpy(float), names, seed)


def pages() -> dict[str, str]:
    """Text to train a language model on: the prose of this book's pages on regression, by the page's name ("mae").

    Lower case, single spaces, and only letters, digits and .,;:!?'()%-; a formula is the letter x, and there is
    neither code nor a table. It is a copy: the pages themselves may have been corrected since.
    """
    return dict(line.split("\t") for line in SAMPLE.read_text(encoding="utf-8").splitlines())


def _split(x: np.ndarray, y: np.ndarray, names: tuple[str, ...], seed: int) -> Split:
    order = np.random.default_rng(seed).permutation(len(y))
    test, train = np.split(order, [len(y) // 3])
    mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
    scaled = (x - mean) / spread
    return Split(scaled[train], scaled[test], y[train].astype(float), y[test].astype(float), names)
