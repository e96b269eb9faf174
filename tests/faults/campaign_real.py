"""As ``campaign``, with our own tools: a small detector on a few composed digits."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from campaign import FAULT, killed
from outcome import Outcome

from eca_mm.campaign.plan import Plan
from eca_mm.campaign.rows import by_name
from eca_mm.campaign.run_commands import Tools

REPO = Path(__file__).resolve().parents[2]
DIGITS = REPO / 'projects/digits'
ROWS = [f'{name}={DIGITS}/configs/{name}_r18.py' for name in (
    'mask_rcnn', 'eca_mask_rcnn',
)]  # fmt: skip


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    data = folder / 'digits'
    build = [DIGITS / 'build.py', '--out', data, '--train', '8', '--val', '4']
    subprocess.run([sys.executable, *build], check=True, stdout=subprocess.DEVNULL)
    rows = by_name(ROWS, DIGITS / 'configs')
    plan = partial(Plan, rows=rows, seeds=[0, 1, 2], options=options(data))
    used = Tools(REPO / 'tools', folder)
    fault = f'{FAULT}, our own tools'
    return killed(fault, plan, used, tries, folder, jobs)


def options(data: Path) -> list[str]:
    """Two epochs of four iterations, each saved, on data that lie there."""
    loaders = [f'{split}_dataloader' for split in ('train', 'val', 'test')]
    ann_file = data / 'annotations/instances_val.json'
    return [
        *(f'{loader}.dataset.data_root={data}/' for loader in loaders),
        *(f'{loader}.num_workers=0' for loader in loaders),
        *(f'{loader}.persistent_workers=False' for loader in loaders),
        *(f'{split}_evaluator.ann_file={ann_file}' for split in ('val', 'test')),
        'train_dataloader.batch_size=2', 'train_cfg.max_epochs=2',
        'default_hooks.logger.interval=1', 'model.test_cfg.rcnn.score_thr=0.001',
    ]  # fmt: skip
