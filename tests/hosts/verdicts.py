"""What it means that a host's test passes or fails with our classes."""

from dataclasses import dataclass

Outcome = tuple[str, str]  # 'passed', 'failed' or 'skipped', and the error's first line


@dataclass(frozen=True)
class Verdict:
    """One row: a test in one arm."""

    arm: str
    test: str
    hosts: str  # how it ended with the hosts' own classes
    ours: str
    note: str
    bad: bool = False


def judge(
    arm: str,
    hosts: dict[str, Outcome],
    ours: dict[str, Outcome],
    differences: dict[str, dict[str, str]],
) -> list[Verdict]:
    """Verdicts on all tests of an arm, in their order.

    Args:
        hosts, ours: Outcomes by test id, with the hosts' classes and with ours.
        differences: By test id, of the tests that are meant to fail: ``error``, a piece
            of the error's first line, and ``reason``.
    """
    rows = []
    for test, (outcome, error) in ours.items():
        control = hosts.get(test, ('not run', ''))
        note, bad = explain(control, (outcome, error), differences.get(test))
        rows.append(Verdict(arm, test, control[0], outcome, note, bad))
    for test in differences.keys() - ours.keys():
        note = 'LISTED as a deliberate difference, but there is no such test'
        rows.append(Verdict(arm, test, '', 'not run', note, bad=True))
    for test in hosts.keys() - ours.keys():
        rows.append(Verdict(arm, test, hosts[test][0], 'not run', 'NOT RUN', bad=True))
    return rows


def explain(
    control: Outcome, found: Outcome, difference: dict[str, str] | None
) -> tuple[str, bool]:
    """A sentence on one test, and whether it is bad."""
    failed, error = found[0] == 'failed', found[1]
    if difference is not None:
        if not failed:
            return 'LISTED as a deliberate difference, but it does not fail', True
        if difference['error'] not in error:
            return f'LISTED, but fails otherwise: {error}', True
        return f'deliberate: {difference["reason"]}', False
    if not failed:
        return ("the hosts' own fails here" if control[0] == 'failed' else ''), False
    if control[0] == 'failed' and kind(control) == kind(found):
        return f'fails by itself here: {error}', False
    return f'NOT LISTED: {error}', True


def kind(outcome: Outcome) -> str:
    """The error's type."""
    return outcome[1].partition(':')[0]
