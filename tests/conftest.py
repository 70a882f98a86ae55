"""What holds for every test: float64 in JAX, one thread in PyTorch, the same inputs in every run."""

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
