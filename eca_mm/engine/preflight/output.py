"""Findings as a table, as JSON and as lines."""

import json
from argparse import ArgumentParser

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eca_mm.findings import ERROR, NOTE, WARNING, Finding

COLOURS = {ERROR: 'bold red', WARNING: 'yellow', NOTE: 'dim'}


def add_check_arguments(parser: ArgumentParser) -> None:
    """``--check`` and ``--json``, which the train and the test tool share."""
    parser.add_argument(
        '--check',
        nargs='?',
        const='quick',
        choices=['quick', 'full'],
        help='only look at config, data, weights, work dir and disk, and show all that '
        'is wrong; "full" reads every image and not a sample of 100. Exit status 0 '
        '(warnings at most) or 2',
    )
    parser.add_argument(
        '--json',
        action='store_true',
        help='the same as JSON on stdout (implies --check): config, errors, warnings '
        '(counts) and findings, each with level (error, warning or note), part, '
        'subject, what, remedy',
    )


def count(findings: list[Finding], level: str) -> int:
    return sum(finding.level == level for finding in findings)


def as_json(config: str, findings: list[Finding]) -> str:
    return json.dumps(
        dict(
            config=config,
            errors=count(findings, ERROR),
            warnings=count(findings, WARNING),
            findings=[vars(finding) for finding in findings],
        ),
        indent=2,
    )


def as_table(config: str, findings: list[Finding]) -> Table:
    """The worst first; each with its remedy below it."""
    errors, warnings = count(findings, ERROR), count(findings, WARNING)
    table = Table(
        title=f'{config}: {plural(errors, "error")}, {plural(warnings, "warning")}',
        show_lines=True,
        expand=True,
    )
    table.add_column('level', width=7)
    table.add_column('of', width=15)
    table.add_column('what, and what to do', ratio=1, overflow='fold')
    levels = list(COLOURS)
    for finding in sorted(findings, key=lambda finding: levels.index(finding.level)):
        text = Text(finding.what)
        if finding.remedy:
            text.append(f'\n→ {finding.remedy}', 'italic')
        place = f'{finding.subject} {finding.part}'.strip()
        table.add_row(Text(finding.level, COLOURS[finding.level]), place, text)
    return table


def show(config: str, findings: list[Finding], with_json: bool) -> None:
    """Print findings on stdout."""
    if with_json:
        print(as_json(config, findings))
    else:
        Console().print(as_table(config, findings))


def plural(number: int, word: str) -> str:
    return f'{number} {word}{"" if number == 1 else "s"}'
