"""A model on inputs of its own, which is what a benchmark runs; in plain torch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Settings:
    """What all workloads of a benchmark have in common.

    Attributes:
        dtype: Of weights and inputs.
        amp: Run forward passes under autocast, in its dtype for the device.
        channels_last: Memory format of weights and inputs (N, C, H, W).
        batch: Images.
        size: Width and height of the images, pixels.
        depth: Of the ResNets.
        frozen_stages: Of the backbones in a training step, -1 for none.
        norms: Mode of the norms in a training step, but for frozen ones: 'eval', as in
            MMDetection's configs, or 'training'.
    """

    device: str = 'cpu'
    dtype: torch.dtype = torch.float32
    amp: bool = False
    channels_last: bool = False
    batch: int = 1
    size: tuple[int, int] = (640, 480)
    depth: int = 50
    frozen_stages: int = 1
    norms: str = 'eval'

    def place(self, what: nn.Module | Tensor) -> nn.Module | Tensor:
        """A module or tensor on the device, in the dtype and the memory format."""
        kwargs = dict(memory_format=torch.channels_last) if self.channels_last else {}
        return what.to(device=self.device, dtype=self.dtype, **kwargs)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, enabled=self.amp)

    def image(self) -> Tensor:
        """(N, 3, H, W), the same for each workload."""
        width, height = self.size
        generator = torch.Generator().manual_seed(0)
        return self.place(
            torch.randn(self.batch, 3, height, width, generator=generator)
        )


def mean_of_outputs(outputs: Tensor | Sequence[Tensor]) -> Tensor:
    """A loss that costs next to nothing: the sum of the outputs' means."""
    outputs = [outputs] if isinstance(outputs, Tensor) else outputs
    return sum(output.mean() for output in outputs)


class Workload(nn.Module):
    """A model, its inputs and a loss.

    Args:
        model: Called with the inputs.
        inputs: On the model's device.
        loss: Of the model's output, a scalar.
        optimizer: Makes a step at the end of a training step; None: there is none.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Iterable[Tensor],
        settings: Settings,
        loss: Callable[..., Tensor] = mean_of_outputs,
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.inputs = tuple(inputs)
        self.settings = settings
        self.loss = loss
        self.optimizer = optimizer

    def predict(self) -> object:
        return self.model(*self.inputs)

    def forward(self) -> Tensor:
        """The loss."""
        with self.settings.autocast():
            return self.loss(self.model(*self.inputs))

    @torch.no_grad()
    def inference(self) -> None:
        """One forward pass without gradients."""
        with self.settings.autocast():
            self.predict()

    def training_step(self) -> None:
        """One forward and backward pass, and the step of an optimizer if there is one.

        A loss scaler is no part of it: under autocast in float16 gradients may vanish.
        """
        self.zero_grad()
        self().backward()
        if self.optimizer is not None:
            self.optimizer.step()


STEPS = {'inference': Workload.inference, 'training step': Workload.training_step}
