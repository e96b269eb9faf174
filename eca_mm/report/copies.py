"""The same run twice in a comparison over seeds, told by what it found."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from eca_mm.evaluation.matching import Matches

from .runs import ReportError


def refuse_copies(groups: Mapping[str, Sequence[Matches]]) -> None:
    """Where groups have several runs, no two runs may have the same detections.

    A copy would make training look as if it had no luck. Runs that found nothing are
    no copies of each other. Two single runs may be alike: that is a result.

    Raises:
        ReportError: Names the two.
    """
    if all(len(runs) == 1 for runs in groups.values()):
        return
    seen: dict[bytes, str] = {}
    for name, runs in groups.items():
        for i, matches in enumerate(runs, 1):
            if not len(matches.score):
                continue
            run = f'{name} {i}' if len(runs) > 1 else name
            other = seen.setdefault(content_of(matches), run)
            if other != run:
                raise ReportError(
                    f'{other} and {run} have the same detections: give each run once, '
                    'and train each with a seed of its own'
                )


def content_of(matches: Matches) -> bytes:
    """A hash of the detections: where, how sure, and what they find."""
    found = sha256()
    for part in (matches.starts, matches.image, matches.score, matches.matched):
        found.update(part.tobytes())
    return found.digest()
