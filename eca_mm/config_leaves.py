"""The single values of a config."""

from collections.abc import Collection, Iterator

# Where a run was written and what it started from: not what the model is.
OF_A_START = ('work_dir', 'load_from', 'resume', 'launcher', '_launcher')


def leaves(
    node: object,
    skipped: Collection[str] = OF_A_START,
    whole_lists: bool = False,
    path: str = '',
) -> Iterator[tuple[str, object]]:
    """Every value that holds no others, with its dotted path; tuples as lists.

    Args:
        skipped: Keys at the top that are left out.
        whole_lists: A list without dicts is one value.
    """
    if isinstance(node, dict) and node:
        for key, value in node.items():
            if path or key not in skipped:
                place = f'{path}.{key}' if path else str(key)
                yield from leaves(value, skipped, whole_lists, place)
    elif isinstance(node, (list, tuple)) and is_split(node, whole_lists):
        for i, value in enumerate(node):
            yield from leaves(value, skipped, whole_lists, f'{path}.{i}')
    else:
        yield path, list(node) if isinstance(node, tuple) else node


def is_split(node: list | tuple, whole_lists: bool) -> bool:
    if whole_lists:
        return any(isinstance(value, dict) for value in node)
    return bool(node)
