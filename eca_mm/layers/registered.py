"""Importing this imports the blocks of this package, each of which registers itself."""

from . import BLOCKS, OURS

for name in OURS:
    BLOCKS[name].load(name)
