"""Names of a package whose modules are imported when a name is asked for."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from .host import need_host


def from_modules(package: str, modules: Mapping[str, Iterable[str]]) -> Callable:
    """A ``__getattr__`` for a package, by which its names come from its modules.

    Args:
        modules: The names in each. They need the host. None is that of a module, which
            Python itself would put in its place.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str):
        if name not in homes:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        need_host(f'{package}.{name}')
        return getattr(import_module(f'.{homes[name]}', package), name)

    return find
