"""The files of an analysis of channel gates."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from eca_mm.files import replaced, write_rows

from .gate_figures import CAPTIONS


def channel_rows(gates: dict, separations: dict) -> Iterator[list]:
    """Rows of gates.csv."""
    yield ['layer', 'channel', 'mean', 'std', 'p5', 'median', 'p95', 'separation']
    for name, values in gates.items():
        columns = [
            values.mean(0),
            values.std(0),
            *np.percentile(values, (5, 50, 95), axis=0),
            separations[name],
        ]
        for channel, row in enumerate(zip(*columns, strict=True)):
            yield [name, channel, *(f'{value:.6g}' for value in row)]


def class_rows(means: dict, classes: list[str]) -> Iterator[list]:
    """Rows of class_means.csv."""
    yield ['layer', 'channel', *classes]
    for name, values in means.items():
        for channel, row in enumerate(values.T):
            yield [name, channel, *(f'{value:.6g}' for value in row)]


def kernel_rows(kernels: dict) -> Iterator[list]:
    """Rows of kernels.csv."""
    yield ['layer', 'channel', 'offset', 'weight']
    for name, taps in kernels.items():
        for (channel, tap), weight in np.ndenumerate(taps):
            # ECA shares its taps among the channels.
            owner = channel if len(taps) > 1 else 'all'
            yield [name, owner, tap - taps.shape[1] // 2, f'{weight:.6g}']


def write_data(
    folder: Path,
    gates: dict[str, np.ndarray],
    separations: dict[str, np.ndarray],
    means: dict[str, np.ndarray],
    classes: list[str],
    kernels: dict[str, np.ndarray],
) -> None:
    """Write gates.csv, class_means.csv and kernels.csv; arrays as in ``gates.py``."""
    write_rows(folder / 'gates.csv', channel_rows(gates, separations))
    write_rows(folder / 'class_means.csv', class_rows(means, classes))
    write_rows(folder / 'kernels.csv', kernel_rows(kernels))


def write_figures(folder: Path, drawn: dict[str, Figure], chance: float) -> None:
    """Save the figures, and their captions for the report.

    Args:
        chance: :func:`eca_mm.analysis.gates.chance_separation`.
    """
    for name, figure in drawn.items():
        with replaced(folder / f'{name}.png') as path:
            figure.savefig(path, dpi=110)
    captions = {f'{name}.png': CAPTIONS[name].format(chance=chance) for name in drawn}
    with replaced(folder / 'captions.json') as path:
        path.write_text(json.dumps(captions, indent=2) + '\n')
