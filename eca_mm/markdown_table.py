"""Tables in Markdown."""

from collections.abc import Iterable, Iterator, Sequence


def table_lines(
    head: Sequence[str], rows: Iterable[Iterable[str]], words: int
) -> Iterator[str]:
    """Lines of a table whose first ``words`` columns are text, the others figures."""
    yield f'| {" | ".join(head)} |'
    yield '|---' * words + '|--:' * (len(head) - words) + '|'
    for row in rows:
        yield f'| {" | ".join(row)} |'
