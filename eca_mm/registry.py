"""The scope ``eca_mm``, which is MMDetection's by another name.

What a config takes over from ``eca_mm::``, mmengine builds in this scope: it imports
this module and looks for registries of this scope.
"""

from mmdet import registry as host
from mmengine.registry import Registry


class SameRegistry(Registry):
    """A registry in which each name means what it means in its parent."""

    def get(self, key: str) -> type | None:
        return self.parent.get(key)


REGISTRIES = {
    name: SameRegistry(parent.name, parent=parent, scope='eca_mm')
    for name, parent in vars(host).items()
    if isinstance(parent, Registry) and parent.scope == 'mmdet'
}
