"""What stands side by side in a benchmark, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from eca_mm.layers import BLOCKS

if TYPE_CHECKING:
    from torch import nn

# Behind the name of a provider: the same with norms folded, as by tools/test.py --fuse,
# and under torch.compile.
FUSE, COMPILED = '+fuse', '+compile'
HOST_RESNETS = ('ResNet', 'PluginResNet', 'ECAResNet')
# What decides about attention in the config of a ResNet; the rest is the user's.
ATTENTION_KEYS = ('plugins', 'kernel_sizes', 'identity_init', 'fused_tail', 'init_cfg')


@dataclass(frozen=True)
class Provider:
    """One attention block, and how a ResNet computes it.

    Attributes:
        attention: Config of the plugin, None for the plain network.
        fused: Compute the end of each block by :mod:`eca_mm.fused`, where it can be;
            'torch': by no kernels of ours on a GPU either.
        placed: Where it stands: behind each block's last norm by default.
        package: What must be installed for it.
    """

    attention: dict | None = None
    fused: bool | str = False
    placed: dict = field(default_factory=lambda: dict(position='after_conv3'))
    package: str | None = None

    @property
    def everywhere(self) -> bool:
        return 'blocks' not in self.placed

    def obstacle(self) -> str | None:
        """Why it cannot be measured here, None if it can."""
        if self.package and find_spec(self.package) is None:
            return f'needs {self.package}, which is not installed'
        if isinstance(self.fused, str):
            import torch  # late: names are looked at before anything is measured

            if not torch.cuda.is_available():
                return 'is ours itself without a GPU'
        return None


def by_block(name: str) -> Provider:
    """A block of the table in :mod:`eca_mm.layers`, one operator after another."""
    block = BLOCKS[name]
    return Provider(dict(type=name, **block.arguments), placed=dict(block.placed))


# ECA and SE are there as everybody writes them, one operator after another, and fused,
# which on a GPU is by kernels of ours and, eager, by torch's operators.
# GC stands in every block, like the others; its paper leaves c2 out. NL is one block.
# Every other plugin of the table goes by its own name.
PROVIDERS = {
    'plain': Provider(),
    'naive ECA': by_block('ECA'),
    'ours': Provider(dict(type='ECA'), fused=True),
    'ours, eager': Provider(dict(type='ECA'), fused='torch'),
    'SE': by_block('SE'),
    'ours, SE': Provider(dict(type='SE'), fused=True),
    'ours, SE, Triton': Provider(dict(type='SE'), fused='triton', package='triton'),
    'GC': by_block('ContextBlock'),
    'NL': by_block('NonLocal2d'),
    'CBAM': by_block('CBAM'),
    'timm ECA': Provider(dict(type='timm ECA'), package='timm'),
}


def plugins() -> list[str]:
    """Names of the blocks that can stand behind a block's last norm."""
    return [name for name, block in BLOCKS.items() if block.is_plugin]


def find(name: str) -> Provider:
    """The provider of a name, which may end in '+fuse', '+compile' or both.

    The name is one of ``PROVIDERS`` or that of a block.

    Raises:
        ValueError: There is none of that name, or it cannot be measured here.
    """
    plain = name.removesuffix(COMPILED).removesuffix(FUSE)
    known = dict.fromkeys([*PROVIDERS, *plugins()])
    if plain not in known:
        raise ValueError(
            f'{name!r} is none of {", ".join(known)}, with or without {FUSE} and '
            f'{COMPILED} behind it'
        )
    provider = PROVIDERS.get(plain) or by_block(plain)
    if obstacle := provider.obstacle():
        raise ValueError(f'{name!r} {obstacle}')
    return provider


def folds(name: str) -> bool:
    """Whether the name asks for folded norms, which serve in inference alone."""
    return name.removesuffix(COMPILED).endswith(FUSE)


def usable() -> list[str]:
    """Names of the providers that can be measured here."""
    return [name for name, provider in PROVIDERS.items() if not provider.obstacle()]


def plugin(provider: Provider) -> dict:
    """Config of the provider's attention; timm's block becomes a plugin here."""
    if provider.package == 'timm':
        return dict(type=timm_eca())
    return provider.attention


def timm_eca() -> type[nn.Module]:
    """timm's EcaModule with a plugin's constructor."""
    from timm.layers import EcaModule

    class TimmECA(EcaModule):
        _abbr_ = 'eca'

        def __init__(self, in_channels: int) -> None:
            super().__init__(channels=in_channels)

    return TimmECA


def backbone_config(name: str, host: dict) -> dict:
    """Config of a ResNet with a provider's attention in place of its own.

    Args:
        host: Config of a ResNet of 50 layers or more: ``depth``, ``frozen_stages`` ...

    Raises:
        ValueError: It is none, or there is no such provider.
    """
    kind = host.get('type', 'ResNet').rpartition('.')[2]
    if kind not in HOST_RESNETS or host['depth'] < 50:
        raise ValueError(
            f'a backbone {kind} of depth {host.get("depth")} cannot be given other '
            f'attention: it must be a {" or ".join(HOST_RESNETS)} of depth 50 or more'
        )
    provider = find(name)
    kept = {key: value for key, value in host.items() if key not in ATTENTION_KEYS}
    if provider.attention is None:
        return kept | dict(type='ResNet')
    return kept | dict(
        type='PluginResNet',
        plugins=[dict(cfg=plugin(provider), **provider.placed)],
        fused_tail=provider.fused,
    )


def compile_obstacle(device: str) -> str | None:
    """Why torch.compile does not work here, in one line; None if it does."""
    import torch

    try:
        torch.compile(torch.cos)(torch.ones(8, device=device))
    except Exception as error:  # a missing compiler, its headers, Triton ...
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__
    return None
