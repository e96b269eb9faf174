"""Findings as a table, as JSON and as lines."""

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eca_mm.findings import ERROR, NOTE, WARNING, Finding

COLOURS = {ERROR: 'bold red', WARNING: 'yellow', NOTE: 'dim'}


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
    """A table with the worst findings first, each with its remedy below it."""
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
