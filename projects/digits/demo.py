"""Build the digits, train a small detector on them and evaluate it, on the CPU."""

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPO = Path(__file__).resolve().parents[2]
CONFIG = 'projects/digits/configs/eca_faster_rcnn_r18.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=f'{__doc__} Each phase is a command of its own, shown before it '
        'runs. Exit status: that of the phase that failed, or 0.'
    )
    add = parser.add_argument
    add('--config', default=CONFIG, help='config to train (default: %(default)s)')
    add('--work-dir', type=Path, metavar='DIR',
        help='where the report goes (default: work_dirs/CONFIG)')  # fmt: skip
    add('--data', type=Path, metavar='DIR', help='data folder (default: data/digits)')
    for split in ('train', 'val'):
        add(f'--{split}', metavar='N', help=f'images of the {split} set to build')
    add('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='override settings of the config, as in tools/train.py')  # fmt: skip
    return parser.parse_args()


def data_options(data: Path) -> list[str]:
    """The overrides that point a digits config at another data folder."""
    loaders = [f'{split}_dataloader.dataset' for split in ('train', 'val', 'test')]
    ann_file = data / 'annotations' / 'instances_val.json'
    return [
        *(f'{loader}.data_root={data}/' for loader in loaders),
        *(f'{split}_evaluator.ann_file={ann_file}' for split in ('val', 'test')),
    ]


def run(title: str, script: str, *arguments: str) -> tuple[str, float]:
    """Run a script of the repository and return the title and seconds it took."""
    command = [script, *arguments]
    Console().rule(f'[bold]{title}')
    print(f'$ python {shlex.join(command)}', flush=True)
    begin = time.monotonic()
    status = subprocess.run([sys.executable, *command], cwd=REPO).returncode
    if status:
        sys.exit(status if status > 0 else 128 - status)  # negative: a signal
    return title, time.monotonic() - begin


def show_summary(phases: list[tuple[str, float]], work_dir: Path) -> None:
    """Print each phase's time, the box AP and where the report is."""
    table = Table(title='phases')
    table.add_column('phase')
    table.add_column('seconds', justify='right')
    for title, seconds in phases:
        table.add_row(title, f'{seconds:.0f}')
    results = json.loads((work_dir / 'results.json').read_text())
    Console().print(table)
    boxes = results['coco'].get('bbox')
    print(f'box AP: {boxes["AP"]:.3f}' if boxes else 'box AP: nothing was detected')
    print(f'report: {work_dir / "index.html"}')


def main() -> None:
    args = parse_args()
    # The phases run in the repository, wherever this one was started.
    work_dir = Path(args.work_dir or REPO / 'work_dirs' / Path(args.config).stem)
    work_dir = work_dir.absolute()
    build, options = [], args.cfg_options
    if args.data:
        build += ['--out', str(args.data.absolute())]
        options = [*data_options(args.data.absolute()), *options]
    for split in ('train', 'val'):
        if getattr(args, split):
            build += [f'--{split}', getattr(args, split)]
    shared = ['--work-dir', str(work_dir)]
    shared += ['--cfg-options', *options] if options else []

    phases = [run('1/3 build the data', 'projects/digits/build.py', *build)]
    phases += [run('2/3 train', 'tools/train.py', args.config, *shared)]
    checkpoint = str(work_dir / (work_dir / 'last_checkpoint').read_text().strip())
    phases += [run('3/3 evaluate', 'tools/test.py', args.config, checkpoint, *shared)]
    show_summary(phases, work_dir)


if __name__ == '__main__':
    main()
