"""The entries of one part of a COCO file, sieved by one check after the other."""

from collections.abc import Iterable

from eca_mm.findings import ERROR, SHOWN, WARNING, Finding

NUMBERS = (int, float)  # as JSON gives them: True is none


class Entries:
    """What is left of a part; what is wrong goes to ``findings`` and out of it.

    Args:
        part: 'images', 'annotations' or 'categories'.
        entries: All of them.
    """

    def __init__(self, part: str, entries: list) -> None:
        self.part = part
        self.kept = entries
        self.total = len(entries)
        self.findings: list[Finding] = []
        self.columns: dict[str, list] = {}

    def column(self, field: str, default=None) -> list:
        """One field of each entry that is left."""
        if field not in self.columns:
            self.columns[field] = [entry.get(field, default) for entry in self.kept]
        return self.columns[field]

    def error(self, bad: Iterable[int], what: str, remedy: str) -> None:
        """Reject the entries at some indexes, which later checks do not see."""
        bad = set(map(int, bad))
        if bad:
            self.tell(ERROR, bad, what, remedy)
            self.kept = [e for i, e in enumerate(self.kept) if i not in bad]
            self.columns.clear()

    def spoil(self, bad: Iterable[int], what: str, remedy: str) -> None:
        """Reject what entries at some indexes have in common; they stay."""
        bad = set(map(int, bad))
        if bad:
            self.tell(ERROR, bad, what, remedy)

    def warn(self, bad: Iterable[int], what: str, remedy: str) -> None:
        """Tell of the entries at some indexes, which stay."""
        bad = set(map(int, bad))
        if bad:
            self.tell(WARNING, bad, what, remedy)

    def tell(self, level: str, bad: set[int], what: str, remedy: str) -> None:
        names = ', '.join(self.name(i) for i in sorted(bad)[:SHOWN])
        etc = ', ...' if len(bad) > SHOWN else ''
        text = f'{len(bad)} of {self.total} {what} ({names}{etc})'
        self.findings.append(Finding(level, self.part, '', text, remedy))

    def name(self, index: int) -> str:
        entry = self.kept[index]
        if isinstance(entry, dict) and 'id' in entry:
            return f'id {str(entry["id"])[:30]}'
        return f'no. {index + 1}: {str(entry)[:60]}'


def of_other_types(values: list, types: tuple[type, ...]) -> list[int]:
    """Indexes of the values whose type is none of these, not even a subclass."""
    return [i for i, value in enumerate(values) if type(value) not in types]


def outside(values: list, low: float, high: float) -> list[int]:
    """Indexes of the numbers beyond these bounds, NaN among them."""
    return [i for i, value in enumerate(values) if not low <= value <= high]
