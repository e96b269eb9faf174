"""Configs of the attention blocks of the table, for few channels."""

from inspect import signature

from eca_mm.layers import BLOCKS

SMALL = dict(reduction=4, groups=4, ratio=1 / 4)  # by what the arguments are called


def configs() -> list[dict]:
    """One of each block that is a plugin, in the table's order."""
    return [
        dict(type=name) | {key: SMALL[key] for key in SMALL if key in arguments(name)}
        for name, block in BLOCKS.items()
        if block.is_plugin
    ]


def arguments(name: str) -> set[str]:
    return {*signature(BLOCKS[name].load(name)).parameters}
