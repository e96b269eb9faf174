"""Suggest the name that was meant: of a registered type or of an argument."""

import inspect

from mmengine.registry import Registry

from eca_mm.findings import did_you_mean


def look_up(registry: Registry, kind):
    """What a registry builds for a ``type`` in the current scope.

    Raises:
        KeyError: The name is not registered.
    """
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(None) as here:
        found = here.get(kind)
        if found is None:
            near = did_you_mean(kind, registered(here))
            raise KeyError(f'{kind} is not in the {here.name} registry; {near}')
    return found


def registered(registry: Registry) -> list[str]:
    """The names that a registry finds: its own and its parents'."""
    names = []
    while registry is not None:
        names += registry.module_dict
        registry = registry.parent
    return names


def arguments_of(kind) -> list[str]:
    """The arguments by name of a class, its bases' included, or of a function."""
    bases = kind.__mro__ if inspect.isclass(kind) else ()
    steps: list = [vars(base).get('__init__') for base in bases] if bases else [kind]
    names: dict[str, None] = {}
    for step in steps:
        try:
            parameters = inspect.signature(step).parameters.values()
        except (TypeError, ValueError):  # built in
            continue
        named = [
            p.name
            for p in parameters
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        names |= dict.fromkeys(named)
    names.pop('self', None)
    return list(names)
