"""Read the config that a run left in its work dir as data, without executing it.

mmengine's own reader executes a Python config, and its YAML loader calls what the file
names. A work dir need not be trusted, and a dump contains nothing but values: so the
text is parsed by Python's parser, and anything that is not a plain value is rejected.
``_base_`` and ``custom_imports`` remain the plain values that they are in a dump.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING

from .files import read_bounded

if TYPE_CHECKING:
    from mmengine.config import Config

# The dumps of our own configs have 11 kB, and 12 levels.
MOST_BYTES = 2**20
MOST_VALUES = 2**20  # characters of texts count, names as often as they are used
DEEPEST = 60
LARGEST = 2**63  # of whole numbers: Python rejects to write very long ones
PLAIN = (str, int, float, bool, type(None))


class ConfigDumpError(ValueError):
    """A file is not a dump of a config; the message is one line that says why."""


@dataclass(frozen=True)
class Sized:
    """A value, how many values are in it, and how deep."""

    value: object
    size: int = 1
    depth: int = 0


def load_dump(path: Path) -> Config:
    """The config in a work dir, which :meth:`mmengine.config.Config.dump` wrote.

    Raises:
        ConfigDumpError: It does not exist, is too large, is not written in Python, or
            contains more than plain values.
    """
    if path.suffix != '.py':
        raise ConfigDumpError(f'{path.name} is not a config dumped as Python: not read')
    try:
        text = read_bounded(path, MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        what = f'{path.name} cannot be read ({reason(error)})'
        raise ConfigDumpError(what) from error
    from mmengine.config import Config

    try:
        return Config(parse_dump(text))
    except KeyError as error:  # mmengine's own names, such as 'text'
        raise ConfigDumpError(f'{path.name} is not a dumped config: {error}') from error
    except ConfigDumpError as error:
        raise ConfigDumpError(f'{path.name} is not a dumped config: {error}') from None


def parse_dump(text: str) -> dict:
    """The settings in the text of a dumped config.

    Literals, ``dict(...)``, lists, tuples, signed numbers and names that were assigned
    above, nothing else.

    Raises:
        ConfigDumpError: There is something else in it, or too much.
    """
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigDumpError(f'it is not Python ({reason(error)})') from error
    names: dict[str, Sized] = {'inf': Sized(inf), 'nan': Sized(nan)}  # as repr has them
    settings: dict[str, object] = {}
    total = Sized(None)
    for line in lines:
        name, value = assignment_of(line)
        try:
            names[name] = found = value_of(value, names)
        except RecursionError:
            raise refusal(line, 'nests values too deep') from None
        settings[name] = found.value
        total = joined(line, None, [total, found], flat=True)
    return settings


def assignment_of(line: ast.stmt) -> tuple[str, ast.expr]:
    """The one name that a line sets, and its value."""
    if not isinstance(line, ast.Assign) or len(line.targets) != 1:
        raise refusal(line, 'does more than set a value')
    (target,) = line.targets
    if not isinstance(target, ast.Name):
        raise refusal(line, 'sets several values or a part of one')
    return target.id, line.value


def value_of(node: ast.expr, names: dict[str, Sized]) -> Sized:
    """The value of an expression, which is not executed."""
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise refusal(node, f'names {node.id[:40]}, which is not set above it')
        return names[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        number = value_of(node.operand, names).value
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            raise refusal(node, 'computes something')
        return Sized(-number if isinstance(node.op, ast.USub) else number)
    if isinstance(node, (ast.List, ast.Tuple)):
        parts = [value_of(part, names) for part in node.elts]
        make = list if isinstance(node, ast.List) else tuple
        return joined(node, make(part.value for part in parts), parts)
    if isinstance(node, (ast.Call, ast.Dict)):
        keys, values = entries_of(node)
        parts = [value_of(part, names) for part in values]
        entries = {k.value: p.value for k, p in zip(keys, parts, strict=True)}
        return joined(node, entries, [*keys, *parts])
    return constant(node)


def entries_of(node: ast.Call | ast.Dict) -> tuple[list[Sized], list[ast.expr]]:
    """Keys and values of ``dict(a=1)``, ``{'a': 1}``, or mmengine's mixture of both."""
    if isinstance(node, ast.Dict):
        named = [key for key in node.keys if key is not None]
        if len(named) < len(node.keys):
            raise refusal(node, 'unpacks something')
        return [constant(key) for key in named], node.values
    if getattr(node.func, 'id', '') != 'dict':
        raise refusal(node, 'calls something')
    if node.args:
        if (
            len(node.args) > 1
            or node.keywords
            or not isinstance(node.args[0], ast.Dict)
        ):
            raise refusal(node, 'makes a dict of something')
        return entries_of(node.args[0])
    words = [item.arg for item in node.keywords if item.arg is not None]
    if len(words) < len(node.keywords):
        raise refusal(node, 'unpacks something')
    return [Sized(word, len(word)) for word in words], [k.value for k in node.keywords]


def constant(node: ast.expr) -> Sized:
    """A text, number, True, False or None."""
    if not isinstance(node, ast.Constant):
        raise refusal(node, 'computes something')
    value = node.value
    if type(value) not in PLAIN:
        raise refusal(node, f'has a value of type {type(value).__name__}')
    if type(value) is int and value > LARGEST:
        raise refusal(node, 'has a number beyond 2^63')
    return Sized(value, 1 + len(value)) if isinstance(value, str) else Sized(value)


def joined(
    node: ast.stmt | ast.expr, value: object, parts: list[Sized], flat=False
) -> Sized:
    """A value made of others, rejected if walking through it would take too long.

    Args:
        flat: The parts follow one another and are not nested in the value.
    """
    size = 1 + sum(part.size for part in parts)
    depth = max((part.depth for part in parts), default=0) + (not flat)
    if size > MOST_VALUES:
        raise refusal(node, f'makes more than {MOST_VALUES} values')
    if depth > DEEPEST:
        raise refusal(node, f'nests values more than {DEEPEST} deep')
    return Sized(value, size, depth)


def refusal(node: ast.stmt | ast.expr, what: str) -> ConfigDumpError:
    return ConfigDumpError(f'line {node.lineno} {what}')


def reason(error: Exception) -> str:
    """The message of an error as one short line."""
    return ' '.join(str(error).split())[:120] or type(error).__name__
