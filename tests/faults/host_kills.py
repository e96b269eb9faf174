"""For comparison: what mmengine's own CheckpointHook loses by the kills of kills.py."""

from pathlib import Path

from kills import kill, outcome
from outcome import Outcome


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Its files, found and read by our resume: mmengine's cannot read them.

    (torch >= 2.6 rejects the message hub in them.) A loss is a run that has to begin
    again. It saves no random states: a run that resumed from its files ends otherwise.
    """
    tally = kill(tries, folder, jobs, hook='CheckpointHook')
    name = "comparison: mmengine's CheckpointHook, SIGKILL, each iteration"
    return outcome(name, tally, '; its files are found and read by our resume')
