"""results.json, report.md and the summary in the terminal."""

import json
import platform
from datetime import datetime
from importlib import import_module
from pathlib import Path

import torch
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import get_git_hash
from rich.console import Console
from rich.table import Table

from eca_mm.files import replaced

# Column of the report: name in mmdet's CocoMetric.
COLUMNS = {
    'AP': 'mAP',
    'AP50': 'mAP_50',
    'AP75': 'mAP_75',
    'APs': 'mAP_s',
    'APm': 'mAP_m',
    'APl': 'mAP_l',
}
KINDS = {'bbox': 'box', 'segm': 'mask'}
PACKAGES = ('eca_mm', 'mmdet', 'mmcv', 'torch', 'numpy')
NO_SCORES = 'No COCO scores: nothing was detected, or the metric is not COCO.'


def coco_table(metrics: dict[str, float]) -> dict[str, dict[str, float | None]]:
    """AP family of each kind that was evaluated, as fractions.

    None stands where COCO says -1: no object of that size in the data.
    """
    plain = {key.rpartition('/')[2]: value for key, value in metrics.items()}
    return {
        kind: {
            column: None if plain[f'{kind}_{name}'] < 0 else plain[f'{kind}_{name}']
            for column, name in COLUMNS.items()
            if f'{kind}_{name}' in plain
        }
        for kind in KINDS
        if f'{kind}_mAP' in plain
    }


def run_facts(runner: Runner) -> dict:
    """What was run, on what, with what; everything needed to run it again."""
    # A loop that was never built is still its config.
    trained = isinstance(runner._train_loop, BaseLoop)
    on_gpu = torch.cuda.is_available()
    return dict(
        config=Path(runner.cfg.filename).name,
        work_dir=Path(runner.work_dir).name,
        checkpoint=None if trained else str(runner._load_from),
        iteration=runner.iter if trained else None,
        seed=runner.seed,
        date=datetime.now().astimezone().isoformat(timespec='seconds'),
        device=torch.cuda.get_device_name() if on_gpu else platform.machine() + ' CPU',
        commit=get_git_hash(digits=7),
        versions={name: import_module(name).__version__ for name in PACKAGES},
    )


def percent(value: float | None) -> str:
    return '–' if value is None else f'{100 * value:.1f}'


def write_page(folder: Path, facts: dict, metrics: dict, has_curves: bool) -> None:
    """Write results.json and report.md into ``folder``."""
    table = coco_table(metrics)
    results = dict(facts, coco=table, metrics=metrics)
    with replaced(folder / 'results.json') as path:
        path.write_text(json.dumps(results, indent=2) + '\n')
    with replaced(folder / 'report.md') as path:
        path.write_text('\n'.join(page_lines(facts, table, has_curves)) + '\n')


def page_lines(facts: dict, table: dict, has_curves: bool) -> list[str]:
    """The report as Markdown, line by line."""
    state = facts['checkpoint'] or f'iteration {facts["iteration"]}'
    versions = ', '.join(f'{name} {v}' for name, v in facts['versions'].items())
    curves = [
        '## Training',
        '',
        'Left: each loss term over the iterations. Right: AP at each evaluation.',
        '',
        '![training curves](curves.png)',
        '',
    ]
    scores = [
        f'| | {" | ".join(COLUMNS)} |',
        '|---' * (len(COLUMNS) + 1) + '|',
        *(
            f'| {KINDS[kind]} | {" | ".join(percent(row.get(c)) for c in COLUMNS)} |'
            for kind, row in table.items()
        ),
        '',
        'AP: mean over IoU 0.50 to 0.95; s, m, l: objects below 32², up to 96², above '
        '96² pixels; –: no such object.',
    ]
    return [
        f'# {facts["config"]}',
        '',
        f'COCO evaluation of {state}, in percent.',
        '',
        *(scores if table else [NO_SCORES]),
        '',
        *(curves if has_curves else []),
        '## Images',
        '',
        'Ground truth left, prediction right, for the first images of the evaluation.',
        '',
        '![ground truth and predictions](samples.png)',
        '',
        '## Run',
        '',
        f'- date: {facts["date"]}',
        f'- device: {facts["device"]}',
        f'- versions: {versions}; commit {facts["commit"] or "unknown"}',
        f'- seed: {facts["seed"]}',
    ]


def print_summary(table: dict, report: Path) -> None:
    """Show the AP table in the terminal and where the report is."""
    console = Console()
    console.print(f'report: {report}', highlight=False, soft_wrap=True)
    if not table:
        console.print(NO_SCORES)
        return
    shown = Table(title='COCO evaluation (%)')
    for column in ('', *COLUMNS):
        shown.add_column(column, justify='right')
    for kind, row in table.items():
        shown.add_row(KINDS[kind], *(percent(row.get(c)) for c in COLUMNS))
    console.print(shown)
