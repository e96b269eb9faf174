"""Figures of channel gates, as in the analyses of the SE and ECA papers."""

from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from .gates import last_of_each_stage, place

SHOWN_CHANNELS = 12  # rows in a heat map

# What each figure shows and how to read it, in one sentence.
CAPTIONS = {
    'distribution': 'Gates of all channels and images, block by block: the box holds '
    'the middle half, the whiskers 90%; boxes at 0.5 that hardly spread are gates that '
    'have not learned to choose.',
    'classes': 'Mean gate of each channel over the images of a class, in the last '
    'block of each stage: where the lines part, the channel is used differently for '
    'the classes.',
    'channels': 'The channels whose gate separates the classes best, in the last block '
    'of each stage: mean gate of a class minus that of all images; the number is the '
    "share of the gate's variance that lies between classes ({chance:.3f} on average "
    'where gates know nothing of them).',
    'kernels': 'Learned taps of the 1-D convolution over channels, one line a block, '
    'its own channel in the middle; a bar is the spread over the channels where each '
    'has taps of its own.',
}


def panels(count: int, height: float = 3) -> tuple[Figure, list]:
    """A figure with ``count`` plots, two in a row."""
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = Figure(figsize=(5.5 * columns, height * rows), layout='constrained')
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def by_stage(names: Iterable[str]) -> dict[str, list[str]]:
    """Stage: names of its layers."""
    stages: dict[str, list[str]] = {}
    for name in names:
        stages.setdefault(place(name)[0], []).append(name)
    return stages


def draw_distribution(gates: dict[str, np.ndarray]) -> Figure:
    """Boxes of the gates of each block; ``gates`` are (images, C)."""
    stages = by_stage(gates)
    figure, axes = panels(len(stages))
    for plot, (stage, names) in zip(axes, stages.items(), strict=True):
        plot.boxplot(
            [gates[name].ravel() for name in names],
            whis=(5, 95),
            showfliers=False,
            tick_labels=[place(name)[1] for name in names],
        )
        plot.axhline(0.5, color='grey', linewidth=0.8, linestyle=':')
        plot.set(title=stage, xlabel='block', ylabel='gate')
        plot.grid(alpha=0.3)
    return figure


def draw_classes(means: dict[str, np.ndarray], classes: dict[str, int]) -> Figure:
    """Mean gates over the channels, a line for each class.

    Args:
        means: Layer: (all classes, C).
        classes: The classes to draw: their rows in ``means``.
    """
    last = last_of_each_stage(list(means))
    figure, axes = panels(len(last))
    for plot, (stage, name) in zip(axes, last.items(), strict=True):
        for label, row in classes.items():
            plot.plot(means[name][row], linewidth=0.8, label=label)
        title = f'{stage}, block {place(name)[1]}' if place(name)[0] != name else name
        plot.set(title=title, xlabel='channel', ylabel='mean gate')
        plot.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    return figure


def draw_channels(
    means: dict[str, np.ndarray],
    overall: dict[str, np.ndarray],
    separations: dict[str, np.ndarray],
    classes: dict[str, int],
) -> Figure:
    """Heat maps of the channels that separate the classes best.

    Args:
        means: Layer: mean gates of each class (all classes, C).
        overall: Layer: mean gates of all images (C,).
        separations: Layer: :func:`eca_mm.analysis.gates.separation` (C,).
        classes: The classes to draw: their rows in ``means``.
    """
    last = last_of_each_stage(list(means))
    figure, axes = panels(len(last), height=4)
    for plot, (stage, name) in zip(axes, last.items(), strict=True):
        best = np.argsort(-separations[name], kind='stable')[:SHOWN_CHANNELS]
        # (classes, C) -> (channels shown, classes shown)
        shown = (means[name] - overall[name])[list(classes.values())][:, best].T
        limit = np.nanmax(np.abs(shown), initial=1e-6)
        image = plot.imshow(
            shown, cmap='RdBu_r', vmin=-limit, vmax=limit, aspect='auto'
        )
        plot.set_xticks(range(len(classes)), classes, rotation=45, ha='right')
        rows = [f'{channel}  ({separations[name][channel]:.2f})' for channel in best]
        plot.set_yticks(range(len(best)), rows)
        plot.set(title=stage, ylabel='channel (separation)')
        figure.colorbar(image, ax=plot, label='gate minus mean')
    return figure


def draw_kernels(kernels: dict[str, np.ndarray]) -> Figure:
    """Learned taps by their distance from the channel itself; (1 or C, k) a layer."""
    stages = by_stage(kernels)
    figure, axes = panels(len(stages))
    for plot, (stage, names) in zip(axes, stages.items(), strict=True):
        for name in names:
            taps = kernels[name]
            offsets = np.arange(taps.shape[1]) - taps.shape[1] // 2
            spread = taps.std(0) if len(taps) > 1 else None
            plot.errorbar(
                offsets, taps.mean(0), spread, marker='o', label=place(name)[1]
            )
        plot.axhline(0, color='grey', linewidth=0.8)
        plot.set(title=stage, xlabel='channel offset', ylabel='weight')
        plot.xaxis.get_major_locator().set_params(integer=True)
        plot.legend(title='block', fontsize=7, ncols=2)
        plot.grid(alpha=0.3)
    return figure
