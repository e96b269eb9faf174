"""Run the hosts' own tests with our classes in place of theirs."""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from verdicts import Verdict, judge

HERE = Path(__file__).resolve().parent
# The hosts' files, and what runs in each arm beside the control.
FILES = [
    'test_checkpoint_hook.py',
    'test_runner.py',
    'test_resnet.py',
    'test_mobilenet_v2.py',
    'test_coco_metric.py',
]
ARMS = {'ours': FILES, 'ECAResNet': ['test_resnet.py']}
# What a file imports that neither host brings.
NEEDS = {'test_checkpoint_hook.py': 'parameterized'}
HELPERS = 'utils.py'  # beside mmdet's tests of backbones
EPILOG = """\
FOLDER holds copies of
  mmengine 0.10.7  tests/test_hooks/test_checkpoint_hook.py
                   tests/test_runner/test_runner.py
  mmdet 3.3.0      tests/test_models/test_backbones/test_resnet.py
                   tests/test_models/test_backbones/test_mobilenet_v2.py
                   tests/test_models/test_backbones/utils.py
                   tests/test_evaluation/test_metrics/test_coco_metric.py
The first needs one package more: pip install parameterized.

SafeCheckpointHook stands for CheckpointHook, PluginResNet (and once more ECAResNet) for
ResNet, our blocks for BasicBlock and Bottleneck, ECAMobileNetV2 for MobileNetV2,
FastCocoMetric for CocoMetric. Of test_runner.py the tests of checkpoints and validation
run. Each test runs with the hosts' own classes too, which tells what fails by itself.

examples:
  python tests/hosts ~/host_tests
  python tests/hosts ~/host_tests --only test_coco_metric.py
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python tests/hosts',
        description=__doc__ + ' Exit status: 0 only listed tests fail, and all of '
        'these; 1 another one fails, or a listed one does not; 2 a wrong argument.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='see below')
    parser.add_argument(
        '--only', nargs='+', choices=FILES, default=FILES, metavar='FILE',
        help=f'these files only: {", ".join(FILES)}',
    )  # fmt: skip
    parser.add_argument(
        '--differences', type=Path, metavar='YAML', default=HERE / 'differences.yaml',
        help='tests that are meant to fail, and why (default: the list beside this '
        'script)',
    )  # fmt: skip
    parser.add_argument(
        '--output', action='store_true', help="show pytest's own output too"
    )
    args = parser.parse_args()
    for name in [*args.only, *([HELPERS] if needs_helpers(args.only) else [])]:
        if not (args.folder / name).is_file():
            parser.error(f'{args.folder} has no {name}: --help tells where it is from')
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            parser.error(f'{name} needs a package: pip install {NEEDS[name]}')
    return args


def needs_helpers(names: list[str]) -> bool:
    return 'test_resnet.py' in names or 'test_mobilenet_v2.py' in names


def run(arm: str, names: list[str], folder: Path, output: bool) -> dict[str, list]:
    """Outcomes of the tests of some files in one arm, each arm a process.

    The files are run as a package of their own, away from this project's settings.
    """
    package = folder / arm / 'tests'
    outcomes = folder / f'{arm}.json'
    paths = [str(HERE), str(HERE.parents[1]), os.environ.get('PYTHONPATH', '')]
    print(f'{arm}: {", ".join(names)}', file=sys.stderr)
    shutil.copytree(folder / 'tests', package)
    ended = subprocess.run(
        [sys.executable, '-m', 'pytest', '-p', 'swap', '-p', 'no:cacheprovider',
         '--rootdir', package, '-c', package / 'pytest.ini', '--arm', arm,
         '--outcomes', outcomes, *(package / name for name in names)],
        cwd=package, env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)),
        stdout=None if output else subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if not outcomes.exists():  # pytest itself failed
        sys.exit(f'{ended.stdout or ""}\nerror: pytest ended with {ended.returncode}')
    return json.loads(outcomes.read_text())


def verdicts(args: argparse.Namespace, folder: Path) -> list[Verdict]:
    """Of all arms."""
    (folder / 'tests').mkdir()
    (folder / 'tests/__init__.py').touch()
    (folder / 'tests/pytest.ini').write_text('[pytest]\n')
    for name in [*args.only, HELPERS]:
        if (args.folder / name).exists():
            shutil.copy(args.folder / name, folder / 'tests')
    differences = yaml.safe_load(args.differences.read_text()) or {}
    control = run('hosts', args.only, folder, args.output)
    rows = []
    for arm, files in ARMS.items():
        if names := [name for name in files if name in args.only]:
            found = run(arm, names, folder, args.output)
            rows += judge(
                arm, of(names, control), found, of(names, differences.get(arm, {}))
            )
    return rows


def of(names: list[str], by_test: dict) -> dict:
    """Those entries whose test is in one of the files."""
    return {
        test: value
        for test, value in by_test.items()
        if test.partition('::')[0] in names
    }


def show(rows: list[Verdict]) -> None:
    """A table of all tests, and counts a class."""
    table = Table(title="The hosts' own tests")
    for name in ('test', 'hosts', 'ours', 'note'):
        table.add_column(name, overflow='fold')
    for row in rows:
        test = row.test if row.arm == 'ours' else f'{row.test} ({row.arm})'
        style = 'red' if row.bad else None
        table.add_row(test, row.hosts, row.ours, escape(row.note), style=style)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for arm in dict.fromkeys(row.arm for row in rows):
        mine = [row for row in rows if row.arm == arm]
        for name in ('hosts', 'ours'):
            counts = Counter(getattr(row, name) for row in mine)
            text = ', '.join(f'{count} {outcome}' for outcome, count in counts.items())
            console.print(f'{arm if name == "ours" else "hosts"}: {text}')
    console.print(f'not as listed: {sum(row.bad for row in rows)}')


def main() -> int:
    args = parse_args()
    with TemporaryDirectory(prefix='hosts_') as name:
        rows = verdicts(args, Path(name))
    show(rows)
    return int(any(row.bad for row in rows))


if __name__ == '__main__':
    sys.exit(main())
