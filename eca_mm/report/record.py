"""results.json: what was evaluated, on what, with what, and its COCO figures."""

import json
from pathlib import Path

from mmengine.dist import get_world_size
from mmengine.runner import BaseLoop, Runner

from eca_mm.analysis.complexity import parameters_of
from eca_mm.files import replaced

from .circumstances import environment, now
from .runs import KINDS, PREDICTIONS, RECORD

# Column of the report: name in mmdet's CocoMetric.
COLUMNS = {
    'AP': 'mAP',
    'AP50': 'mAP_50',
    'AP75': 'mAP_75',
    'APs': 'mAP_s',
    'APm': 'mAP_m',
    'APl': 'mAP_l',
}


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
    return dict(
        config=Path(runner.cfg.filename).name,
        work_dir=Path(runner.work_dir).name,
        checkpoint=None if trained else str(runner._load_from),
        iteration=runner.iter if trained else None,
        world_size=get_world_size(),
        seed=runner.seed,
        date=now(),
        complexity=parameters_of(runner.model),
        **environment(),
        **data_facts(runner, 'val' if trained else 'test'),
    )


def data_facts(runner: Runner, split: str) -> dict:
    """Annotation file, image folder and classes of the evaluation, for the report.

    Paths are absolute, or relative to the work dir that they are in.
    """
    evaluator = runner.cfg[f'{split}_evaluator']
    metrics = evaluator if isinstance(evaluator, list) else [evaluator]
    ann_file = next((m['ann_file'] for m in metrics if m.get('ann_file')), None)
    # Without one the metric writes the data set's own ground truth beside the results.
    ann_file = Path(ann_file).absolute() if ann_file else f'{PREDICTIONS}.gt.json'
    dataset = runner.cfg[f'{split}_dataloader']['dataset']
    prefix = (dataset.get('data_prefix') or {}).get('img', '')
    images = Path(dataset.get('data_root') or '') / prefix
    return dict(
        annotations=str(ann_file),
        images=str(images.absolute()),
        classes=list(runner.visualizer.dataset_meta['classes']),
    )


def write_record(folder: Path, facts: dict, metrics: dict[str, float]) -> None:
    """Write results.json into ``folder``."""
    record = dict(facts, coco=coco_table(metrics), metrics=metrics)
    with replaced(folder / RECORD) as path:
        path.write_text(json.dumps(record, indent=2) + '\n')
