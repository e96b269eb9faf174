"""What the channel gates of a model do on data."""

import re
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def gated_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers that scale channels by gates in (0, 1), in the order of the model.

    They are those of :mod:`eca_mm.layers` with a method ``gates``: all blocks but
    AA-Net's convolution.
    """
    return {
        name: module
        for name, module in model.named_modules()
        if hasattr(module, 'gates')
    }


class GateRecorder:
    """Keep the gates of every image that a model sees.

    Used as a context: the hooks on the model are gone at its end.

    Attributes:
        gates: Name of each layer: gates (images, C), float32.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers = gated_layers(model)
        self.batches: dict[str, list[np.ndarray]] = {name: [] for name in self.layers}

    def __enter__(self) -> 'GateRecorder':
        self.handles = [
            layer.register_forward_pre_hook(self.keeper(name))
            for name, layer in self.layers.items()
        ]
        return self

    def __exit__(self, *exception) -> None:
        for handle in self.handles:
            handle.remove()

    def keeper(self, name: str) -> Callable:
        """A hook that keeps the gates of the layer ``name``."""

        @torch.no_grad()
        def keep(layer: nn.Module, args: tuple[Tensor]) -> None:
            self.batches[name].append(layer.gates(args[0]).float().cpu().numpy())

        return keep

    @property
    def gates(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate(batches) for name, batches in self.batches.items()}


def place(name: str) -> tuple[str, str]:
    """Stage and block of a layer: 'backbone.layer3.0.eca' is in 'stage 3', block '0'.

    A layer outside such a backbone has its own name for both.
    """
    found = re.search(r'(?:^|\.)layer(\d+)\.(\d+)\.', name)
    return (f'stage {found[1]}', found[2]) if found else (name, name)


def last_of_each_stage(names: list[str]) -> dict[str, str]:
    """Stage: the last of its layers."""
    return {place(name)[0]: name for name in names}


def class_means(gates: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mean gates of the images of each class, (classes, C); NaN for a class without.

    Args:
        gates: (images, C).
        members: (images, classes), True where the image shows the class.
    """
    counts = members.sum(0)[:, None]
    sums = members.T.astype(np.float64) @ gates
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def separation(gates: np.ndarray, members: np.ndarray) -> np.ndarray:
    """How well each channel's gate tells the classes apart, (C,), from 0 to 1.

    The correlation ratio: the share of a gate's variance that lies between the means of
    the classes. An image of several classes counts once in each. Gates that know
    nothing of the classes reach :func:`chance_separation` on average.

    Args:
        gates: (images, C).
        members: (images, classes), True where the image shows the class.
    """
    images, classes = np.nonzero(members)  # one entry for each image and class in it
    values = gates[images].astype(np.float64)
    deviations = values - values.mean(0)
    means = class_means(values, np.eye(members.shape[1], dtype=bool)[classes])
    between = np.square(means[classes] - values.mean(0)).sum(0)
    total = np.square(deviations).sum(0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def chance_separation(members: np.ndarray) -> float:
    """The mean of :func:`separation` where gates and classes have nothing in common."""
    return (members.any(0).sum() - 1) / max(members.sum() - 1, 1)


def kernels(model: nn.Module) -> dict[str, np.ndarray]:
    """Learned 1-D kernels of each layer that has them, taps (1 or C, k)."""
    return {
        name: module.taps.detach().cpu().numpy()
        for name, module in model.named_modules()
        if hasattr(module, 'taps')
    }
