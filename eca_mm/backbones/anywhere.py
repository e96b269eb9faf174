"""Attention in any backbone or neck, from the weights that it has without."""

from collections.abc import Mapping

from mmcv.cnn import build_plugin_layer
from mmdet.registry import MODELS as DETECTION
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from torch import nn

from eca_mm.layers.foreign import foreign
from eca_mm.layers.identity import (
    begins_as_identity,
    can_begin_as_identity,
    takes_tokens,
)

from .attended import make_part, make_whole
from .blocks import PluginBasicBlock, PluginBottleneck, add_plugin
from .feature_maps import Output
from .meta_run import dry_run
from .places import Places, find_places

NO_IDENTITY = (
    '{} cannot begin as the identity: take another attention, or identity_init=False, '
    'which changes what the module gives'
)
OWN = ('type', 'module', 'attention', 'at', 'identity_init')  # keys of a WithAttention


# Registered where plugins are, so that every library finds it. A function: what it
# builds is the module itself, with its own names, arguments and methods.
@MODELS.register_module()
def WithAttention(
    module: dict,
    attention: dict,
    at: Places,
    identity_init: bool = True,
    **kwargs,
) -> nn.Module:
    """Build a backbone or neck with attention behind some of its modules.

    The names of its own weights stay, so checkpoints of the plain module load with
    nothing missing but the attention, a child of the module that it stands behind:
    ``stages.0.blocks.1.eca.conv.weight``. Channels and their axis are found by a dry
    run: maps may be (N, C, H, W) or (N, H, W, C), or tokens (N, L, C).

    In the blocks of a :class:`PluginResNet` the attention is a plugin behind the last
    convolution, before the addition, where the paper has it and where ends are fused.
    In all others it is behind the whole block.

    Args:
        module: Config of the backbone or neck, of any registry.
        attention: Config of the attention, without ``in_channels``: one of ours, mmcv's
            or another plugin.
        at: One or several of

            - ``'stages'``: each feature map that the module gives: the stages of a
              backbone, the levels of a neck,
            - the number of one of these maps, from 0: ``[1, 2, 3]`` where a detector
              does not use the first one,
            - the name of a class: ``'SwinBlock'``, ``'CSPLayer'``,
            - a pattern of module names, in which ``*`` stands for a part between two
              dots: ``'stages.*.blocks.*'``.
        identity_init: Begin as the identity, so that the outputs are those of the plain
            module bit for bit (of a PluginResNet but for rounding); also after
            ``init_weights``, which draws layers anew.
        kwargs: Further arguments of the module, so that a config can put this over its
            base's: ``backbone=dict(type='WithAttention', module=dict(type='CSPNeXt'),
            ...)``.

    Raises:
        TypeError: ``at`` is of another type, or a config is not a dict.
        ValueError: A place does not exist or cannot have attention; the attention
            cannot begin as the identity, or needs height and width where there are
            tokens; the module does not run on the meta device or CPU.
    """
    check_config('module', module)
    check_config('attention', attention)
    cfg = ConfigDict({**module, **kwargs})
    plugin = plugin_config(attention, identity_init)
    # The registry of mmdet finds its own names where no scope is in use.
    built = DETECTION.build(cfg)
    calls = dry_run(built, host_config(cfg), lambda: DETECTION.build(cfg))
    before, outputs = set(built.modules()), None
    for path, maps in find_places(built, at, calls).items():
        if path:
            put_behind(built, path, maps[0], plugin)
        else:
            outputs = maps
    put_on_maps(built, outputs, plugin)
    for layer in built.modules():
        if identity_init and layer not in before:
            check_identity(layer)
    built.train(built.training)  # freezes the attention of frozen stages, too
    return built


def check_config(name: str, cfg: dict) -> None:
    """Raise TypeError or ValueError if something is not the config of a module."""
    if not isinstance(cfg, Mapping):
        raise TypeError(f"{name} must be a dict such as dict(type='ECA'), got {cfg!r}")
    if 'type' not in cfg:
        raise ValueError(f'{name} has no type: {dict(cfg)}')


def host_config(cfg: dict) -> dict:
    """The config of the module itself, taken out of any WithAttention in this one."""
    while cfg['type'] is WithAttention or (
        str(cfg['type']).split('.')[-1] == WithAttention.__name__
    ):
        over = {k: v for k, v in cfg.items() if k not in OWN}
        cfg = {**cfg['module'], **over}
    return cfg


def plugin_config(attention: dict, identity_init: bool) -> dict:
    """The config of the attention, which begins as the identity or not.

    Raises:
        ValueError: It cannot.
    """
    if 'identity_init' in attention or 'in_channels' in attention:
        raise ValueError(
            'attention: in_channels are found, and identity_init is an argument of '
            'WithAttention'
        )
    kind = attention['type']
    kind = DETECTION.get(kind) if isinstance(kind, str) else kind
    if kind is None:
        raise KeyError(f'{attention["type"]} is not in the registry of models')
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise TypeError(f'attention: {attention["type"]} is not the class of a module')
    if not identity_init:
        return dict(attention)
    if not can_begin_as_identity(kind):
        raise ValueError(NO_IDENTITY.format(kind.__name__))
    if foreign(kind) is not None:  # it depends on their arguments
        return dict(attention)
    return dict(attention, identity_init=True)


def check_identity(layer: nn.Module) -> None:
    """Raise ValueError if one of mmcv's blocks does not begin as the identity."""
    if foreign(type(layer)) is None:
        return
    if any(p.is_meta for p in layer.parameters()):  # no values to look at
        return
    if not begins_as_identity(layer):
        arguments = f'{type(layer).__name__} with these arguments'
        raise ValueError(NO_IDENTITY.format(arguments))


def put_behind(built: nn.Module, path: str, output: Output, plugin: dict) -> None:
    """Put attention behind a module."""
    part = built.get_submodule(path)
    if isinstance(part, (PluginBasicBlock, PluginBottleneck)):
        add_plugin(part, plugin, output.channels)
        return
    name, layer = build(plugin, output)
    check_free(part, name, path)
    if output.frozen:  # not all hosts freeze what was added
        layer.requires_grad_(False)
    make_part(part, name, layer, output.layout)


def put_on_maps(
    built: nn.Module, outputs: list[Output | None] | None, plugin: dict
) -> None:
    """Put attention on the maps that the whole gives, where it is asked for."""
    if outputs is None:
        make_whole(built)
        return
    layers, layouts, frozen = [], [], []
    for index, output in enumerate(outputs):
        if output is None:
            layer = nn.Identity()
        else:
            name, layer = build(plugin, output)
        layers.append(layer)
        layouts.append('NCHW' if output is None else output.layout)
        if output is not None and output.frozen:
            frozen.append(index)
    check_free(built, name, type(built).__name__)
    make_whole(built, name, layers, tuple(layouts), tuple(frozen))


def build(plugin: dict, output: Output) -> tuple[str, nn.Module]:
    """Name and layer of an attention for a feature map."""
    name, layer = build_plugin_layer(plugin, in_channels=output.channels)
    if output.layout in ('NLC', 'NCL') and not takes_tokens(layer):
        raise ValueError(
            f'{type(layer).__name__} needs height and width, and the module gives '
            'tokens: take an attention of channels alone'
        )
    return name, layer


def check_free(part: nn.Module, name: str, path: str) -> None:
    """Raise ValueError if a module has something of the attention's name."""
    if hasattr(part, name):
        raise ValueError(f'{path} has something of the name {name!r} already')
