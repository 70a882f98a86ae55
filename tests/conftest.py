"""What holds for every test: float64 in JAX, one thread in PyTorch and NumPy, the same inputs in every run."""

import os

# Before NumPy is imported. The book's pages ran with one thread: with two, sums would round in another order.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import jax
import torch
from hypothesis import HealthCheck, settings

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
