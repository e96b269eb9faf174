"""Where the blocks register: in mmengine's root, and nowhere without mmengine."""

from eca_mm.host import installed


def plugin(block: type) -> type:
    """Make a block known to OpenMMLab's libraries by its name; returns it.

    In the root, as build_plugin_layer searches that from any scope, with or without a
    default scope: so mmdet, mmpretrain and mmseg models all find the plugin.
    """
    if not installed('mmengine'):
        return block
    from mmengine.registry import MODELS  # late: it need not be there

    return MODELS.register_module(module=block)
