"""What a run costs beside its model: our train command, and MMDetection's own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mmdet
import numpy as np
from mmengine.config import Config

from eca_mm.place import folder as own_folder
from eca_mm.spinning import set_here

from . import engine_configs, engine_probe
from .cost import Ratio, row

OURS, HOST = 'eca_mm', 'MMDetection'
SCRIPTS = {
    HOST: Path(mmdet.__file__).parent / '.mim/tools/train.py',
    OURS: own_folder() / 'tools/train.py',
}
SETTLED = 5  # iterations that are left out: allocators and caches settle in them
# Measure and its unit: value by what a run's probe has written.
MEASURES = {
    ('iteration', 'ms'): lambda found: 1e3 * median(found['iterations'], 0),
    ('iteration, CPU', 'ms'): lambda found: 1e3 * median(found['iterations'], 1),
    ('hooks of an iteration', 'us'): lambda found: 1e6 * median(found['hooks'], 0),
    ('hooks of an iteration, CPU', 'us'): lambda found: 1e6 * median(found['hooks'], 1),
    ('start-up', 's'): lambda found: found['start'][0] - found['began'],
    ('start-up, CPU', 's'): lambda found: found['start'][1],
    ('evaluation', 's'): lambda found: found['validation'][0],
    ('whole run', 's'): lambda found: found['run'][0] - found['began'],
    ('whole run, CPU', 's'): lambda found: found['run'][1],
}


class RunFailed(Exception):
    """A run of one of the two ended before its time; says which, and its last words."""


def median(values: list, column: int) -> float:
    return float(np.median(np.array(values)[SETTLED:, column]))


def measure(
    cfg: Config,
    iterations: int,
    rounds: int,
    folder: Path,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[dict]:
    """A row for each measure of both runs, with ratios to MMDetection's.

    Every round trains with both from the beginning, each in a process of its own and
    every other round in the other order.

    Args:
        iterations: Of a run, beyond those that settle it.
        folder: For configs, work dirs and what the probes write.
        tick: Called after each run.

    Raises:
        RunFailed: One did not end as it should.
    """
    shutil.copy(engine_probe.__file__, folder / f'{engine_configs.PROBE}.py')
    short = engine_configs.short(cfg, SETTLED + iterations + 1)
    cfgs = {HOST: engine_configs.as_of_the_host(short), OURS: short}
    found = {name: [] for name in cfgs}
    for i in range(rounds):
        for name in list(cfgs)[:: -1 if i % 2 else 1]:
            found[name].append(run(name, cfgs[name], folder / f'{name}_{i}'))
            tick()
    for (title, unit), value in MEASURES.items():
        values = {name: np.array([value(one) for one in found[name]]) for name in cfgs}
        for name in cfgs:
            ratio = Ratio.paired(values[name], values[HOST])
            middle = float(np.median(values[name]))
            yield row(name, title, unit, middle, ratio, HOST)


def run(name: str, cfg: Config, place: Path) -> dict:
    """Train once, and what the probe has written of it.

    Args:
        place: A new folder, beside the probe's module.
    """
    place.mkdir()
    out, path = place / 'probe.json', place / 'config.py'
    engine_configs.with_probe(cfg, out).dump(path)
    command = [sys.executable, SCRIPTS[name], path, '--work-dir', place / 'run']
    paths = [str(place.parent), str(own_folder()), os.environ.get('PYTHONPATH', '')]
    environment = os.environ | dict(PYTHONPATH=os.pathsep.join(filter(None, paths)))
    if name == HOST:  # without what this process, a command of ours, has set for itself
        environment = {k: v for k, v in environment.items() if k not in set_here}
    began = time.time()
    done = subprocess.run(
        list(map(str, command)), env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode or not out.is_file():
        last = ' / '.join(done.stdout.strip().splitlines()[-3:])
        raise RunFailed(f'the run of {name} ended with {done.returncode}: {last}')
    shutil.rmtree(place / 'run', ignore_errors=True)
    return json.loads(out.read_text()) | dict(began=began)
