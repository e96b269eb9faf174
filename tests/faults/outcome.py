"""What a fault did: one row of the suite's table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    fault: str
    tries: int
    survived: int
    lost: int
    note: str = ''
