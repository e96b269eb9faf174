"""Small backbones and necks of mmdet, and what they take."""

from copy import deepcopy

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

import eca_mm  # noqa: F401  (registers the wrapper)

SWIN = dict(
    type='SwinTransformer', embed_dims=16, depths=(1, 2), num_heads=(1, 2),
    strides=(4, 2), out_indices=(0, 1), window_size=4,
)  # fmt: skip
CSPNEXT = dict(type='CSPNeXt', widen_factor=0.125, deepen_factor=0.167)
RESNET = dict(type='ResNet', depth=18, base_channels=16, norm_eval=False)
FPN = dict(type='FPN', in_channels=[8, 16, 24], out_channels=12, num_outs=4)
# Host, place, layout of the places, number of places
PLACES = [
    (SWIN, 'SwinBlock', 'NLC', 3),
    (SWIN, 'stages.*.blocks.*.ffn', 'NLC', 3),
    (SWIN, 'stages', None, 2),
    (CSPNEXT, 'CSPLayer', 'NCHW', 4),
    (CSPNEXT, ['stem', 'stage?'], 'NCHW', 5),
    (RESNET, 'BasicBlock', 'NCHW', 8),
    (FPN, 'stages', None, 4),
    (FPN, 'ConvModule', 'NCHW', 6),
]


def attended(host: dict, at, attention: dict | str = 'ECA', **kwargs) -> nn.Module:
    if isinstance(attention, str):
        attention = dict(type=attention)
    cfg = dict(type='WithAttention', module=deepcopy(host), attention=attention, at=at)
    return MODELS.build(dict(cfg, **kwargs))


def plain(host: dict) -> nn.Module:
    """The host with norms that do something."""
    model = MODELS.build(deepcopy(host))
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith('running_mean'):
            tensor.uniform_(-0.5, 0.5)
    return model


def inputs(host: dict, side: int = 64) -> Tensor | tuple[Tensor, ...]:
    """A batch of two, with an offset a channel so that gates differ."""
    channels = host.get('in_channels', 3)
    if isinstance(channels, int):
        return torch.randn(2, 3, side, side) + torch.tensor([-2.0, 0, 3])[:, None, None]
    return tuple(
        torch.randn(2, c, side >> i, side >> i)
        + torch.linspace(-3, 3, c)[:, None, None]
        for i, c in enumerate(channels)
    )


def blocks(model: nn.Module) -> dict[str, nn.Module]:
    """The attention that was added, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if type(module).__module__.startswith('eca_mm.layers')
    }


def trained(model: nn.Module) -> None:
    """Give attention gates that differ from 1."""
    for block in blocks(model).values():
        for parameter in block.parameters():
            parameter.data.uniform_(-1, 1)
