"""Check that the host can build what ``init_cfg`` names, which it does late."""

from mmengine.model import BaseModule
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from .config_parts import as_list


def try_initializers(model: nn.Module) -> None:
    """Build the initialiser of each module, and initialise nothing.

    Raises:
        KeyError: It is not registered.
        TypeError, ValueError, AssertionError: It does not take its arguments.
    """
    for module in model.modules():
        given = module.init_cfg if isinstance(module, BaseModule) else None
        for init in as_list(given):
            if isinstance(init, dict):
                # An override for a part may lack a type, and then has this one.
                settings = {k: v for k, v in init.items() if k != 'override'}
                WEIGHT_INITIALIZERS.build(settings)
