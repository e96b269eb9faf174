"""The name that was meant: of a registered type or of an argument."""

import inspect
from collections.abc import Iterable
from difflib import get_close_matches

from mmengine.registry import Registry


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as a question, or '' if none is near."""
    # Of names that differ in case alone the first one stands.
    plain = {}
    for other in known:
        plain.setdefault(other.lower(), other)
    near = get_close_matches(name.lower(), plain, n=1, cutoff=0.6)
    return f'did you mean {plain[near[0]]!r}?' if near else ''


def look_up(registry: Registry, kind):
    """What a registry builds for a ``type``, seen from the scope in use.

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
    steps = (
        [base.__init__ for base in kind.__mro__] if inspect.isclass(kind) else [kind]
    )
    names = {}
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
