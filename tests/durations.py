"""Write tests/durations.csv from what ``make test`` measured.

    python tests/durations.py build/tests.xml

The record has the tests that took RECORDED seconds or more, set-up included, each with
the longest of its parameters. tests/test_durations.py compares it with the marks
``slow``, so that the marks follow measurements and no test judges its own time. Make a
new record where a full run shows that tests have become faster or slower.
"""

import ast
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parent
RECORD = TESTS / 'durations.csv'
RECORDED = 5.0  # seconds, of two cores that do nothing else


def measured(report: Path) -> dict[str, float]:
    """Seconds of each test function in a JUnit report, its slowest case."""
    found: dict[str, float] = {}
    for case in ElementTree.parse(report).iter('testcase'):
        name = f'{case.get("classname", "")}.{case.get("name", "").partition("[")[0]}'
        found[name] = max(found.get(name, 0.0), float(case.get('time', 0)))
    return found


def write(found: dict[str, float], record: Path) -> None:
    """Write the long ones, the longest first."""
    rows = [(name, f'{seconds:.0f}') for name, seconds in found.items()
            if seconds >= RECORDED]  # fmt: skip
    with record.open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(('test', 'seconds'))
        writer.writerows(sorted(rows, key=lambda row: (-int(row[1]), row[0])))


def read(record: Path) -> dict[str, float]:
    with record.open(newline='') as file:
        return {row['test']: float(row['seconds']) for row in csv.DictReader(file)}


def functions(tests: Path) -> Iterator[tuple[str, bool]]:
    """Name, as in a JUnit report, of each test; and whether it or a case is slow."""
    for path in tests.rglob('test_*.py'):
        module = '.'.join(path.relative_to(tests.parent).with_suffix('').parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith('test_'):
                marks = ' '.join(map(ast.unparse, node.decorator_list))
                yield f'{module}.{node.name}', 'pytest.mark.slow' in marks


if __name__ == '__main__':
    write(measured(Path(sys.argv[1])), RECORD)
