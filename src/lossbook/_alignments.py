"""What can be said of CTC's arguments once their values are known, and samples of them that fit together."""

from __future__ import annotations

import numpy as np


def complaint(
    log_probs: np.ndarray, targets: np.ndarray, input_lengths: np.ndarray, target_lengths: np.ndarray, blank: int
) -> str | None:
    """What is wrong with a call, or None: a length out of range, a label that is no class, a target that cannot fit."""
    frames, _, classes = log_probs.shape
    if not 0 <= blank < classes:
        return f"blank is {blank}; expected a class, 0 to {classes - 1}."
    for what, lengths, low, high in (
        ("input_lengths", input_lengths, 1, frames),
        ("target_lengths", target_lengths, 0, targets.shape[1]),
    ):
        if (wrong := np.flatnonzero((lengths < low) | (lengths > high))).size:
            return f"{what}[{wrong[0]}] is {lengths[wrong[0]]}; it must lie in [{low}, {high}]."
    for n, (row, length) in enumerate(zip(targets, target_lengths, strict=True)):
        labels = row[:length]
        if (wrong := np.flatnonzero((labels < 0) | (labels >= classes) | (labels == blank))).size:
            return (
                f"targets[{n}, {wrong[0]}] is {labels[wrong[0]]}; labels are classes 0 to {classes - 1} but the blank, {blank}."
            )
        needed = int(length) + int(np.sum(labels[1:] == labels[:-1]))
        if needed > input_lengths[n]:
            return (
                f"targets[{n}] has {length} labels, which need {needed} frames with a blank between equal ones; "
                f"input_lengths[{n}] is {input_lengths[n]}."
            )
    return None


def sample(rng: np.random.Generator, examples: int) -> tuple[np.ndarray, ...]:
    """Five frames of four classes for each example, and up to two labels."""
    logits = rng.normal(size=(5, examples, 4))
    log_probs = logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))
    targets = rng.integers(1, 4, (examples, 2))
    return log_probs, targets, rng.integers(3, 6, examples), rng.integers(0, 3, examples)
