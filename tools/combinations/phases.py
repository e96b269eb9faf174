"""What is done with a combination: commands, and what they have to end with."""

import json
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from installer.checkout import REPO
from installer.output import clock

from .detections import LIMIT, DifferentError, compare
from .rows import Row

CONFIG = 'projects/digits/configs/eca_faster_rcnn_r18.py'
SIDE = 128  # pixels of the digits' images
# Enough for detections that are more than ties: 40 iterations, half a minute.
TRAIN, VAL, EPOCHS = 320, 20, 2
QUICK = 'tests/quick.txt'
VERSIONS = """
import importlib.metadata, json
found = {}
for name in sorted(WANTED):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
WANTED = ('torch', 'numpy', 'opencv-python-headless', 'pycocotools')
STACK = ('mmengine', 'mmcv', 'mmdet', 'mmdetection')


class FailedError(Exception):
    """A phase that did not end as it has to. The message is one line."""


class Place(NamedTuple):
    """Where a row's files are: its folder, and that of the reference."""

    row: Row
    folder: Path
    reference: Path

    @property
    def python(self) -> str:
        """The executable of the row's environment."""
        return str(self.folder / 'venv' / 'bin' / 'python')

    @property
    def data(self) -> Path:
        """One data set for all rows, as another would not show what differs."""
        return self.reference / 'data'

    @property
    def checkpoint(self) -> Path:
        """What the reference trained."""
        return self.reference / 'work_dir' / f'epoch_{EPOCHS}.pth'


def run(place: Place, phase: str, *command: str) -> str:
    """Run a command in the repository, its output in PHASE.log. Returns the output.

    Raises:
        FailedError: Its exit status is not 0; says the last line.
    """
    log = place.folder / f'{phase}.log'
    env = {**os.environ, 'ECA_MM_OFFLINE': '1'}
    env.pop('PYTHONPATH', None)
    begin = said = time.monotonic()
    with log.open('wb') as out:
        process = subprocess.Popen(
            command, cwd=REPO, env=env, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() - said > 60:
                    said = time.monotonic()
                    print(f'      {phase}: {clock(said - begin)} ...', flush=True)
        finally:
            if process.poll() is None:
                process.terminate()  # the installer ends its own children then
                process.wait()
    text = log.read_text(errors='replace')
    if process.returncode:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        last = lines[-1] if lines else 'it said nothing'
        raise FailedError(f'exit status {process.returncode}: {last[:200]} (see {log})')
    return text


def install(place: Place, python: str, jobs: int | None) -> str:
    """Make the environment; its check calls mmcv's operators."""
    row = place.row
    options = ['--venv', str(place.folder / 'venv'), '--stack', row.stack]
    options += ['--torch', row.torch, *(['--jobs', str(jobs)] if jobs else [])]
    run(place, 'install', python, 'tools/install.py', *options)
    return 'passed'


def versions(place: Place) -> dict[str, str]:
    """What is installed in it."""
    wanted = {*WANTED, *STACK, *(f'onedl-{name}' for name in STACK)}
    program = f'WANTED = {wanted!r}{VERSIONS}'
    return json.loads(run(place, 'versions', place.python, '-c', program))


def train(place: Place) -> str:
    """The demo's short form: build the data, train, evaluate, write the report."""
    work_dir = place.folder / 'work_dir'
    options = ['--data', str(place.data), '--work-dir', str(work_dir)]
    options += ['--train', str(TRAIN), '--val', str(VAL)]
    options += ['--cfg-options', f'train_cfg.max_epochs={EPOCHS}']
    run(place, 'train', place.python, 'projects/digits/demo.py', *options)
    if not (work_dir / 'index.html').is_file():
        raise FailedError(f'no report in {work_dir}')
    return 'passed'


def detect(place: Place) -> str:
    """The reference's weights, on images: the same detections."""
    out = place.folder / 'detections'
    inputs = [str(place.checkpoint), str(place.data / 'val')]
    options = ['--out', str(out), '--device', 'cpu']
    run(place, 'detect', place.python, 'tools/infer.py', *inputs, *options)
    if place.folder == place.reference:
        return 'the reference'
    reference = place.reference / 'detections' / 'results.json'
    try:
        number, worst = compare(reference, out / 'results.json', SIDE)
    except DifferentError as error:
        raise FailedError(str(error)) from error
    return f'{number} within {worst:.0e} (limit {LIMIT:.0e})'


def resume(place: Place) -> str:
    """The reference's run continues, for another epoch."""
    work_dir = place.folder / 'resumed'
    ann_file = place.data / 'annotations' / 'instances_val.json'
    loaders = [f'{split}_dataloader.dataset' for split in ('train', 'val', 'test')]
    options = [
        *(f'{loader}.data_root={place.data}/' for loader in loaders),
        *(f'{split}_evaluator.ann_file={ann_file}' for split in ('val', 'test')),
        f'train_cfg.max_epochs={EPOCHS + 1}',
    ]
    arguments = ['--work-dir', str(work_dir), '--resume', str(place.checkpoint)]
    arguments += ['--cfg-options', *options]
    run(place, 'resume', place.python, 'tools/train.py', CONFIG, *arguments)
    if not (work_dir / f'epoch_{EPOCHS + 1}.pth').is_file():
        raise FailedError(f'no checkpoint of epoch {EPOCHS + 1} in {work_dir}')
    return 'passed'


def test(place: Place) -> str:
    """The quick tests."""
    report = place.folder / 'tests.xml'
    report.unlink(missing_ok=True)
    options = ['-q', '--durations=20', f'--junitxml={report}', f'@{QUICK}']
    failed = None
    try:
        run(place, 'tests', place.python, '-m', 'pytest', *options)
    except FailedError as error:
        failed = error
    if not report.is_file():
        raise failed or FailedError('pytest wrote no report')
    counts = count(report)
    if failed:
        raise FailedError(f'{counts} (see {place.folder / "tests.log"})')
    return counts


def count(report: Path) -> str:
    """Of a JUnit file, as in '120 passed, 0 failed, 3 skipped'."""
    suites = list(ET.parse(report).getroot().iter('testsuite'))
    total, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ('tests', 'skipped')
    )
    failed = sum(
        int(suite.get(name, 0)) for suite in suites for name in ('failures', 'errors')
    )
    return f'{total - skipped - failed} passed, {failed} failed, {skipped} skipped'


PHASES: dict[str, Callable[[Place], str]] = {
    'train': train,
    'detect': detect,
    'resume': resume,
    'tests': test,
}
