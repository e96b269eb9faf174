"""Where attention can be put in a network, and where it is asked for."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from eca_mm.findings import did_you_mean

from .attended import Mixin
from .feature_maps import Output, output_of
from .meta_run import Calls

STAGES = 'stages'
Places = str | int | Sequence[str | int]
SHOWN = 12  # kinds of places in a message


def find_places(
    module: nn.Module, at: Places, calls: Calls
) -> dict[str, list[Output | None]]:
    """Path of each place that is asked for, '' for the module's own feature maps.

    Of these, the ones that are not asked for are None.

    Args:
        at: As of :func:`.anywhere.WithAttention`.
        calls: Of a dry run.

    Raises:
        TypeError: ``at`` is neither a string or number nor several.
        ValueError: It matches nothing, or something that can have no attention.
    """
    words = [at] if isinstance(at, (str, int)) else at
    if not isinstance(words, Sequence) or not all(map(is_word, words)):
        raise TypeError(
            f"at must be a string, a map's number or a list of these, got {at!r}"
        )
    places = {}
    for word in words:
        found = matches(module, word)
        if not found:
            near = nearest(module, str(word))
            problem = f'at={word!r} matches nothing in {type(module).__name__}'
            raise ValueError(f'{problem}{near}; {possible(module, calls)}')
        for path in found:
            try:
                chosen = outputs(module, path, calls, word)
            except ValueError as error:
                where = f'behind {path}' if path else 'on the maps'
                raise ValueError(
                    f'at={word!r}: no attention can be put {where} of '
                    f'{type(module).__name__}: {error}; {possible(module, calls)}'
                ) from None
            before = places.get(path, chosen)
            places[path] = [new or old for new, old in zip(chosen, before, strict=True)]
    if not places:
        raise ValueError(f'at names no place; {possible(module, calls)}')
    return places


def is_word(word: object) -> bool:
    return isinstance(word, (str, int)) and not isinstance(word, bool)


def matches(module: nn.Module, word: str | int) -> list[str]:
    """Paths of the modules that a word of ``at`` means."""
    if word == STAGES or isinstance(word, int):
        return ['']
    found = [
        last_layer(module, path)
        for path, part in module.named_modules()
        if path and (word in kinds(part) or fits(path, word))
    ]
    return list(dict.fromkeys(found))


def kinds(part: nn.Module) -> list[str]:
    """Names of a module's class and of those that it is derived from."""
    return [kind.__name__ for kind in type(part).__mro__ if kind is not nn.Module]


def fits(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern, step by step: '*' stands within one step."""
    steps, patterns = path.split('.'), pattern.split('.')
    return len(steps) == len(patterns) and all(map(fnmatchcase, steps, patterns))


def last_layer(module: nn.Module, path: str) -> str:
    """The path, or where it is a plain Sequential that of its last layer.

    Its children are run one after the other, so attention cannot be one more of them.
    """
    part = module.get_submodule(path)
    while type(part).forward is nn.Sequential.forward and len(part):
        name, part = list(part.named_children())[-1]
        path = f'{path}.{name}'
    return path


def outputs(
    module: nn.Module, path: str, calls: Calls, word: str | int = STAGES
) -> list[Output | None]:
    """What a module gives; one map, unless it is the whole.

    If the word is a number, None stands for the maps that have another one.

    Raises:
        ValueError: Attention cannot be put there; the reason.
    """
    part = module.get_submodule(path)
    if isinstance(part, Mixin) and getattr(part, 'attention_name', None):
        raise ValueError('it has attention already')
    if path and not any(True for _ in part.children()):
        # Norms are exchanged by sync_bn and by folding, convolutions are counted by
        # their very class.
        raise ValueError('it is a single layer; name the module around it')
    small, large = calls[path]
    if len(small) != 1:
        times = f'{len(small)} times' if small else 'not by itself'
        raise ValueError(f'it is run {times} in a forward, and must be once')
    pairs = [(small[0], large[0])]
    if path == '' and isinstance(small[0], list):
        pairs = list(zip(small[0], large[0], strict=True))
    if isinstance(word, str):
        return [output_of(*pair) for pair in pairs]
    if not 0 <= word < len(pairs):
        raise ValueError(f'it gives {len(pairs)}, numbered from 0')
    return [output_of(*p) if i == word else None for i, p in enumerate(pairs)]


def possible(module: nn.Module, calls: Calls) -> str:
    """The places that there are, by class."""
    found, examples = Counter(), {}
    for path, part in module.named_modules():
        if path and last_layer(module, path) != path:
            continue
        try:
            outputs(module, path, calls)
        except ValueError:
            continue
        kind = type(part).__name__ if path else repr(STAGES)
        found[kind] += 1
        examples.setdefault(kind, path)
    listed = [
        f'{kind} ({n}, such as {examples[kind]})' if examples[kind] else kind
        for kind, n in found.items()
    ]
    more = f' and {len(listed) - SHOWN} more' if len(listed) > SHOWN else ''
    names = ', '.join(listed[:SHOWN])
    return f'possible are {names or "no places"}{more}, and patterns of such names'


def nearest(module: nn.Module, word: str) -> str:
    """The nearest name as a question, or ''."""
    known = {STAGES: None}
    for path, part in module.named_modules():
        known |= dict.fromkeys([type(part).__name__, path])
    near = did_you_mean(word, known)
    return f' ({near})' if near else ''
