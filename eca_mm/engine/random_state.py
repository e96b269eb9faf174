"""The random generators of a process, as plain values and tensors."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_state() -> dict:
    """The states of Python's, numpy's and torch's generators, in a loadable form."""
    state_of_numpy: Any = np.random.get_state()
    kind, keys, *rest = state_of_numpy
    state = dict(
        python=random.getstate(),
        numpy=(kind, keys.tolist(), *rest),
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_initialized():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict) -> None:
    """Go back to a state; a checkpoint may have been loaded to another device."""
    random.setstate(state['python'])
    np.random.set_state(state['numpy'])
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """Seed the CPU's generators by a name, and restore their states afterwards."""
    before = random_state()
    seed = random.Random(name).getrandbits(32)
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)  # leaves CUDA's alone
        yield
    finally:
        set_random_state(before)
