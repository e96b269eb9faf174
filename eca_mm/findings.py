"""What a check found, for whoever shows it: a table, JSON, one line each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

ERROR = 'error'  # it crashes the run or spoils its outcome
WARNING = 'warning'  # the run goes through, perhaps not as it was meant
NOTE = 'note'  # what was looked at
SHOWN = 3  # examples in a finding


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        level: ERROR, WARNING or NOTE.
        part: What of a run it is about, such as 'annotations' or 'disk'.
        subject: Which one of these: a split, a file, a setting; '' if there is one.
        what: What is wrong, with how many and examples.
        remedy: What to do; '' for a note.
    """

    level: str
    part: str
    subject: str
    what: str
    remedy: str = ''

    def line(self) -> str:
        """All of it in one line."""
        where = f'{self.subject} {self.part}' if self.subject else self.part
        text = f'{where}: {self.what}'
        return ' '.join(f'{text}: {self.remedy}'.split()) if self.remedy else text


def some(
    names: Collection | Iterable, shown: int = SHOWN, width: int | None = 80
) -> str:
    """The first few of many, each cut to a width, and how many more there are."""
    names = list(names)
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return ', '.join(str(name)[:width] for name in names[:shown]) + more


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as a question, or '' if none is near."""
    # Of names that differ in case alone the first one stands.
    plain = {}
    for other in known:
        plain.setdefault(other.lower(), other)
    near = get_close_matches(name.lower(), plain, n=1, cutoff=0.6)
    return f'did you mean {plain[near[0]]!r}?' if near else ''
