"""Check the arguments of COCO's metric, which the host uses only after an epoch."""

import math
from collections.abc import Iterator
from numbers import Real

from mmengine.config import Config

from eca_mm.findings import ERROR, WARNING, Finding

from .config_parts import COCO_METRICS, as_list, metrics_of
from .names import did_you_mean

METRICS = ('bbox', 'segm', 'proposal', 'proposal_fast')
USUAL = {'mAP': 'bbox'}  # what people write for a metric, and mean
ITEMS = (
    'mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l',
    'AR@100', 'AR@300', 'AR@1000', 'AR_s@1000', 'AR_m@1000', 'AR_l@1000',
)  # fmt: skip
STANDARD = [0.5 + 0.05 * i for i in range(10)]


def metric_findings(cfg: Config, splits: tuple[str, ...]) -> Iterator[Finding]:
    """Arguments that would cause a traceback after inference, or figures of -1."""
    for split in splits:
        for metric in metrics_of(cfg, split):
            if isinstance(metric, dict) and metric.get('type') in COCO_METRICS:
                yield from argument_findings(metric, f'{split}_evaluator')
    if 'val' in splits:
        yield from best_findings(cfg)


def argument_findings(metric: dict, part: str) -> Iterator[Finding]:
    checks = (kind_problems, item_problems, number_problems, threshold_problems)
    for check in checks:
        for key, what, remedy in check(metric):
            yield Finding(ERROR, part, key, what, remedy)
    if metric.get('format_only') and not metric.get('outfile_prefix'):
        remedy = "set outfile_prefix to where the files shall go: 'work_dirs/results'"
        yield Finding(ERROR, part, '', 'format_only without outfile_prefix', remedy)
    given = metric.get('iou_thrs')
    if given is not None and not list(threshold_problems(metric)):
        thresholds = as_list(given)
        if not is_standard(thresholds):
            what = f"mAP will be the mean over IoU {thresholds}, and not COCO's"
            remedy = 'leave iou_thrs out if that is not meant'
            yield Finding(WARNING, part, 'iou_thrs', what, remedy)


def kind_problems(metric: dict) -> Iterator[tuple[str, str, str]]:
    kinds = metric.get('metric', 'bbox')
    for kind in as_list(kinds):
        if kind not in METRICS:
            near = f'did you mean {USUAL[kind]!r}?' if kind in USUAL else ''
            near = near or did_you_mean(str(kind), METRICS)
            yield (
                'metric',
                f'{kind!r} is none of {", ".join(METRICS)}',
                near or 'choose one of these',
            )
    if isinstance(kinds, tuple):
        yield 'metric', f'{kinds} is not a list', f'write {list(kinds)}'


def item_problems(metric: dict) -> Iterator[tuple[str, str, str]]:
    items = metric.get('metric_items')
    if items is None:
        return
    if not isinstance(items, (list, tuple)):
        yield 'metric_items', f'{items!r} is not a list', f'write [{items!r}]'
        return
    for item in items:
        if item not in ITEMS:
            near = did_you_mean(str(item), ITEMS)
            yield (
                'metric_items',
                f'there is no {item!r}',
                near or f'choose from {", ".join(ITEMS)}',
            )


def number_problems(metric: dict) -> Iterator[tuple[str, str, str]]:
    """COCO's summary needs three numbers of detections an image, 100 among them."""
    numbers = metric.get('proposal_nums', (100, 300, 1000))
    if metric.get('metric', 'bbox') in ('proposal_fast', ['proposal_fast']):
        return
    are_numbers = isinstance(numbers, (list, tuple)) and all(
        isinstance(n, int) and n > 0 for n in numbers
    )
    if not are_numbers or len(numbers) != 3 or 100 not in numbers:
        what = f'{numbers!r} is not three numbers with 100 among them, as COCO needs'
        yield 'proposal_nums', what, 'write for example (100, 300, 1000)'


def threshold_problems(metric: dict) -> Iterator[tuple[str, str, str]]:
    given = metric.get('iou_thrs')
    if given is None:
        return
    thresholds = as_list(given)
    if not thresholds or not all(
        isinstance(t, Real) and not isinstance(t, bool) and 0 < float(t) <= 1
        for t in thresholds
    ):
        what = f'{given!r} is not a number above 0 and up to 1, or a list of such'
        yield 'iou_thrs', what, 'write for example [0.5]'
    elif metric.get('type') == 'CocoMetric' and not is_standard(thresholds):
        # A list makes its AP50 -1, and a number is a TypeError.
        yield (
            'iou_thrs', f"mmdet's CocoMetric gives no right figures with {given!r}",
            "set type='FastCocoMetric', which takes it",
        )  # fmt: skip
    elif metric.get('classwise') and len(thresholds) < 6:
        what = (
            'classwise=True needs at least 6 thresholds: it shows the first and sixth'
        )
        yield 'iou_thrs', what, 'leave one of the two out'


def is_standard(thresholds: list) -> bool:
    return len(thresholds) == len(STANDARD) and all(
        map(math.isclose, thresholds, STANDARD)
    )


def best_findings(cfg: Config) -> Iterator[Finding]:
    """A figure for the best checkpoint that no metric computes."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    metrics = metrics_of(cfg, 'val')
    if not hook.get('save_best') or not metrics:
        return
    if not all(isinstance(m, dict) and m.get('type') in COCO_METRICS for m in metrics):
        return
    given = [name for metric in metrics for name in figures(metric)]
    for name in as_list(hook['save_best']):
        if name != 'auto' and name not in given:
            what = f'save_best={name!r} is none of the figures of val_evaluator'
            near = did_you_mean(str(name), given) or f'choose from {", ".join(given)}'
            yield Finding(ERROR, 'default_hooks', 'checkpoint', what, near)


def figures(metric: dict) -> list[str]:
    """The names of a metric's figures; none if it only writes files."""
    if metric.get('format_only'):
        return []
    prefix = metric.get('prefix') or 'coco'
    names = []
    for kind in as_list(metric.get('metric', 'bbox')):
        numbers = as_list(metric.get('proposal_nums', (100, 300, 1000)))
        items = metric.get('metric_items')
        if kind == 'proposal_fast':
            names += [f'AR@{n}' for n in numbers]
        elif kind == 'proposal':
            names += items or ITEMS[6:]
        else:
            names += [f'{kind}_{item}' for item in items or ITEMS[:6]]
    return [f'{prefix}/{name}' for name in names]
