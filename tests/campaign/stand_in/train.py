"""What tools/train.py does, as far as a campaign sees it, in a twentieth of a second.

A "training" of ``steps`` steps: each makes a number of the one before, and is saved.
The config says how long a step takes, and how the run is to fail.
"""

import hashlib
import json
import os
import pickle
import shutil
import signal
import sys
import time
from pathlib import Path
from zipfile import ZipFile


def arguments() -> tuple[dict, Path, dict]:
    """The config's settings, the work dir, the options."""
    words = sys.argv[1:]
    settings = {}
    exec(Path(words[0]).read_text(), settings)
    work_dir = Path(words[words.index('--work-dir') + 1])
    start = words.index('--cfg-options') + 1
    options = dict(w.split('=', 1) for w in words[start:] if '=' in w)
    return settings, work_dir, options


def save(work_dir: Path, step: int, value: str) -> None:
    """A file that torch reads: a checkpoint of plain values, whole or not there."""
    path = work_dir / f'iter_{step}.pth'
    path.with_suffix('.json').write_text(json.dumps([step, value]))
    with ZipFile(work_dir / '.new', 'w') as file:
        content = dict(meta=dict(iter=step), state_dict=dict(value=value))
        file.writestr('archive/data.pkl', pickle.dumps(content, protocol=2))
        file.writestr('archive/version', '3\n')
    os.replace(work_dir / '.new', path)
    (work_dir / '.new').write_text(str(path))
    os.replace(work_dir / '.new', work_dir / 'last_checkpoint')


def resumed(work_dir: Path) -> tuple[int, str]:
    if '--resume' not in sys.argv or not (work_dir / 'last_checkpoint').exists():
        return 0, ''
    path = Path((work_dir / 'last_checkpoint').read_text())
    step, value = json.loads(path.with_suffix('.json').read_text())
    print('resuming from', path, flush=True)
    return step, value


def misbehave(settings, work_dir: Path, step: int, seed: int, told: list) -> None:
    """Fail or wait, once or until it is fixed: ``faults`` are {(seed, step): how}."""
    how = settings.get('faults', {}).get((seed, step))
    mark = work_dir / f'.{how}'
    is_once = how is not None and how.endswith('once') and mark.exists()
    if how is None or is_once or (work_dir / 'fixed').exists():
        return
    mark.touch()
    end = time.monotonic() + 60  # should nobody tell it to continue
    while how == 'wait' and time.monotonic() < end:
        if told or (work_dir / 'fixed').exists():
            return
        time.sleep(0.01)
    if how.startswith('kill'):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == 'end':  # told to, before anything is saved
        print('stopped: by SIGTERM', file=sys.stderr)
        sys.exit(143)
    if how.startswith('term'):
        os.kill(os.getpid(), signal.SIGTERM)
        return
    print('some lines before\nRuntimeError: no room on the card', file=sys.stderr)
    sys.exit(1)


def evaluate(settings: dict, work_dir: Path, step: int, value: str, seed: int) -> None:
    material = Path(settings['material'])
    detections = material / f'{settings["name"]}_{seed}.json'
    shutil.copy(detections, work_dir / 'predictions.bbox.json')
    record = dict(
        config=Path(sys.argv[1]).name, iteration=step, seed=seed,
        annotations=str(material / 'ann.json'), images='.',
        coco=dict(bbox=dict(AP=int(value[:4], 16) / 2**16)),
    )  # fmt: skip
    (work_dir / '.new').write_text(json.dumps(record))
    os.replace(work_dir / '.new', work_dir / 'results.json')


def main() -> None:
    settings, work_dir, options = arguments()
    seed = int(options['randomness.seed'])
    told = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    work_dir.mkdir(parents=True, exist_ok=True)
    step, value = resumed(work_dir)
    with open(work_dir / 'starts.txt', 'a') as file:
        file.write(f'{step} {os.environ.get("CUDA_VISIBLE_DEVICES")}\n')
    while step < settings['steps']:
        misbehave(settings, work_dir, step, seed, told)
        time.sleep(settings['pace'])
        step += 1
        mixed = f'{value} {seed} {settings["name"]}'
        value = hashlib.sha256(mixed.encode()).hexdigest()
        left = settings['steps'] - step
        print(f'Iter(train) [ {step}/{settings["steps"]}]  lr: 1  eta: 0:0{left}:00',
              flush=True)  # fmt: skip
        save(work_dir, step, value)
        if told:
            print('stopped: by SIGTERM', file=sys.stderr)
            sys.exit(143)
    if settings.get('evaluates', True):
        evaluate(settings, work_dir, step, value, seed)


if __name__ == '__main__':
    main()
