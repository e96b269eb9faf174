"""Whether the kernels run on a GPU: found out by running one, once.

That Triton is installed does not tell. It may be older than these kernels' tuples of
arguments, it compiles launchers by a C compiler and Python's headers when it runs, it
does not know every GPU, and a process may have switched it to its interpreter.
"""

import importlib.util
import os
import warnings
from functools import cache

import torch

LEAST = 3, 4  # versions: 3.2 and 3.3 do not compile the kernels, seen ahead of time
LONGEST = 300  # characters of a cause that are shown

causes: dict[tuple[torch.device, torch.dtype], str | None] = {}


@cache
def installed() -> bool:
    """Whether Triton can be found; CUDA builds of torch bring it."""
    return importlib.util.find_spec('triton') is not None


def usable(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the kernels run there; warns of the cause, once, if they do not."""
    known = (device, dtype) in causes
    why = cause(device, dtype)
    if why is not None and not known:
        warnings.warn(
            f'attention is computed by plain operators on {device} in {dtype}, as '
            f'the kernels do not run there: {why}',
            RuntimeWarning,
            stacklevel=2,
        )
    return why is None


def cause(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why the kernels do not run there in one line, None if they do."""
    key = device, dtype
    if key not in causes:
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            return 'a CUDA graph is captured, before which nothing has run them'
        try:
            causes[key] = found_cause(device, dtype)
        except torch.cuda.OutOfMemoryError:  # says nothing of them
            raise
        except Exception as error:  # whatever a driver, compiler or import raises
            causes[key] = in_one_line(error)
    return causes[key]


def found_cause(device: torch.device, dtype: torch.dtype) -> str | None:
    """As :func:`cause`, or what Triton raises."""
    if not installed():
        return 'Triton is not installed'
    import triton

    version = tuple(int(part) for part in triton.__version__.split('.')[:2])
    if version < LEAST:
        least = '.'.join(map(str, LEAST))
        return f'Triton {triton.__version__} is older than {least}'
    if interpreted():
        return "TRITON_INTERPRET is set, Triton's interpreter is for tests on the CPU"
    run_one(device, dtype)
    found = run_one(device, dtype)  # launched in another way, see launch.py
    return None if abs(found - 2) < 1e-3 else f'a kernel found a mean of {found}, not 2'


def interpreted() -> bool:
    """Whether the kernels are the interpreter's, or new ones would be."""
    from triton.runtime.jit import JITFunction

    from .pool import sum_kernel

    on = os.environ.get('TRITON_INTERPRET', '0').lower() not in ('', '0', 'false')
    return on or not isinstance(sum_kernel, JITFunction)


@torch.no_grad()
def run_one(device: torch.device, dtype: torch.dtype) -> float:
    """What the kernel that pools makes of ones, whose mean with a norm is 2."""
    from .pool import Norm, means_of

    zeros, ones = torch.zeros(16, device=device), torch.ones(16, device=device)
    norm = Norm(zeros, ones, ones, ones, 0.0)
    x = torch.ones(1, 16, 2, 4, dtype=dtype, device=device)
    normed = means_of(x, norm)[1]
    assert normed is not None, 'with a norm there are normed means'
    return float(normed.mean())


def in_one_line(error: BaseException) -> str:
    """The last line of what was raised first: Triton shows code in front of it."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or ['no reason given']
    return f'{type(error).__name__}: {lines[-1].strip()}'[:LONGEST]
