"""Importing this imports the blocks of this package, each of which registers itself."""

from . import BLOCKS, OURS

CLASSES = {name: BLOCKS[name].load(name) for name in OURS}
