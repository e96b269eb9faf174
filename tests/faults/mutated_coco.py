"""COCO files with one to three faults: rejected with findings, or they run cleanly.

A run is: the data set is built, every sample goes through the training pipeline, and
FastCocoMetric evaluates the ground truth as if it were predictions. Each try has a seed
of its own; a process that dies (pycocotools can crash) counts as lost.
"""

import json
import logging
import random
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from outcome import Outcome
from pycocotools import mask as mask_util

import eca_mm  # noqa: F401  (registers the metric)
from eca_mm.engine.preflight.data import data_findings
from eca_mm.evaluation.coco_metric import FastCocoMetric
from eca_mm.findings import ERROR

CLASSES = ('cat', 'dog')
HEIGHT, WIDTH = 40, 48
ODD = [
    None, True, False, 'x', '', '7', -1, 0, 1, 1.5, 1e300, -1e9, 10**30, 2**40,
    float('nan'), float('inf'), [], {}, [[]], [1, 2], [[1, 2, 3]], {'size': [1, 2]},
    '\ud800', 'a\0b', {'size': [HEIGHT, WIDTH], 'counts': '12`'}, ['1', 2, 3, 4],
    {'size': [HEIGHT, WIDTH], 'counts': [5, -2, 9]}, [[1, 1, float('nan'), 5, 9, 9]],
    [[1, 1, 1e9, 5, 9, 9]], {'size': [10**6, 10**6], 'counts': '12'}, [1, 1, 1e9, 5],
    {'size': [HEIGHT, WIDTH], 'counts': [HEIGHT * WIDTH - 1]}, [[1, 1, 9, 9]],
]  # fmt: skip
PARTS = ('images', 'annotations', 'categories')


def make_set(folder: Path, rng: random.Random) -> dict:
    """Images in ``folder`` and their annotations: polygons, run lengths, a crowd."""
    noise = np.random.default_rng(rng.randrange(2**32))
    images, annotations = [], []
    for i in range(1, 5):
        name = f'{i}.png'
        pixels = noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), pixels)
        images.append(dict(id=i, file_name=name, height=HEIGHT, width=WIDTH))
        for kind in ('polygon', 'compressed', 'runs')[: 1 + i % 3]:
            x, y, w, h = rng.randint(0, 20), rng.randint(0, 15), 12, 14
            annotations.append(
                dict(
                    id=len(annotations) + 1, image_id=i, category_id=rng.choice((3, 5)),
                    bbox=[x, y, w, h], area=w * h, iscrowd=int(kind == 'runs'),
                    segmentation=segmentation(kind, x, y, w, h),
                )
            )  # fmt: skip
    categories = [dict(id=3, name='cat'), dict(id=5, name='dog')]
    return dict(images=images, annotations=annotations, categories=categories)


def segmentation(kind: str, x: int, y: int, w: int, h: int):
    if kind == 'polygon':
        return [[x, y, x + w, y, x + w, y + h, x, y + h]]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order='F')
    mask[y : y + h, x : x + w] = 1
    if kind == 'compressed':
        counts = mask_util.encode(mask)['counts'].decode()
        return dict(size=[HEIGHT, WIDTH], counts=counts)
    pixels = mask.ravel(order='F')
    edges = np.flatnonzero(np.diff(pixels, prepend=0)).tolist()
    return dict(
        size=[HEIGHT, WIDTH],
        counts=np.diff([0, *edges, HEIGHT * WIDTH]).tolist(),
    )


def spot(coco: dict, rng: random.Random) -> tuple:
    """A container in the set and a key of it, mostly of an entry, at times deeper."""
    entries = coco[rng.choice(PARTS)] or [dict(id=1)]
    node, key = entries, rng.randrange(len(entries))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        inner = node[key]
        if not isinstance(inner, (dict, list)) or not inner:
            break
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        node, key = inner, rng.choice(keys)
    return node, key


def drop(coco: dict, rng: random.Random, folder: Path) -> None:
    node, key = spot(coco, rng)
    del node[key]


def replace(coco: dict, rng: random.Random, folder: Path) -> None:
    node, key = spot(coco, rng)
    node[key] = rng.choice(ODD)


def scale(coco: dict, rng: random.Random, folder: Path) -> None:
    node, key = spot(coco, rng)
    if type(node[key]) in (int, float):
        node[key] *= rng.choice((-1, 0, 0.5, 3, 10**3, 10**7, 10**12, 1e200))


def as_other_type(coco: dict, rng: random.Random, folder: Path) -> None:
    """Numbers as texts or floats, in one field of all entries."""
    entries = coco[rng.choice(PARTS)]
    field = rng.choice(list(entries[0]))
    kind = rng.choice((str, float, bool, lambda v: [v], lambda v: None))
    for entry in entries:
        entry[field] = kind(entry[field])


def twice(coco: dict, rng: random.Random, folder: Path) -> None:
    entries = coco[rng.choice(PARTS)]
    entries.append(dict(rng.choice(entries)))


def swap_fields(coco: dict, rng: random.Random, folder: Path) -> None:
    entry = rng.choice(coco[rng.choice(PARTS)])
    one, two = rng.sample(list(entry), 2)
    entry[one], entry[two] = entry[two], entry[one]


def swap_parts(coco: dict, rng: random.Random, folder: Path) -> None:
    one, two = rng.sample(PARTS, 2)
    coco[one], coco[two] = coco[two], coco[one]


def odd_part(coco: dict, rng: random.Random, folder: Path) -> None:
    coco[rng.choice(PARTS)] = rng.choice([[], None, {}, 'x', [1], [[]], [None]])


def unknown_id(coco: dict, rng: random.Random, folder: Path) -> None:
    entry = rng.choice(coco['annotations'])
    entry[rng.choice(('image_id', 'category_id'))] = rng.choice((77, -1, 10**20, 'x'))


def odd_polygon(coco: dict, rng: random.Random, folder: Path) -> None:
    numbers = [rng.choice((1, 5, 9.5, 1e4, 1e8)) for _ in range(rng.randrange(9))]
    rng.choice(coco['annotations'])['segmentation'] = [numbers]


def odd_runs(coco: dict, rng: random.Random, folder: Path) -> None:
    for entry in coco['annotations']:
        value = entry['segmentation']
        if isinstance(value, dict) and isinstance(value.get('counts'), str):
            text = list(value['counts'])
            text[rng.randrange(len(text))] = chr(rng.randint(40, 120))
            value['counts'] = ''.join(text)


def extra_field(coco: dict, rng: random.Random, folder: Path) -> None:
    names = ('license', 'coco_url', 'date_captured', 'supercategory', 'ignore', 'score')
    rng.choice(coco[rng.choice(PARTS)])[rng.choice(names)] = rng.choice(ODD)


def deep(coco: dict, rng: random.Random, folder: Path) -> None:
    value = []
    for _ in range(rng.choice((10, 300, 900))):
        value = [value]
    rng.choice([coco, rng.choice(coco['images'])])['info'] = value


def missing_image(coco: dict, rng: random.Random, folder: Path) -> None:
    (folder / f'{rng.randint(1, 4)}.png').unlink(missing_ok=True)


def damaged_image(coco: dict, rng: random.Random, folder: Path) -> None:
    path = folder / f'{rng.randint(1, 4)}.png'
    if path.exists():
        content = path.read_bytes()
        path.write_bytes(content[: rng.randrange(len(content))])


def other_image(coco: dict, rng: random.Random, folder: Path) -> None:
    pixels = np.zeros((rng.randint(1, 60), 30, 3), np.uint8)
    cv2.imwrite(str(folder / f'{rng.randint(1, 4)}.png'), pixels)


MUTATIONS = (
    drop, replace, replace, scale, as_other_type, twice, swap_fields, swap_parts,
    odd_part, unknown_id, odd_polygon, odd_runs, extra_field, deep, missing_image,
    damaged_image, other_image,
)  # fmt: skip


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Truncate the file, break its encoding, or leave it, most often."""
    kind = rng.randrange(12)
    if kind == 0:
        return content[: rng.randrange(len(content))]
    if kind == 1:
        at = rng.randrange(len(content))
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if kind == 2:
        return rng.choice(
            (b'\xef\xbb\xbf' + content, content.decode().encode('utf-16'))
        )
    return content


def mutated(seed: int, folder: Path) -> Path:
    """A set with faults in ``folder``: returns its annotation file."""
    rng = random.Random(seed)
    coco = make_set(folder, rng)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        # What one would change may be gone already.
        with suppress(
            AttributeError, LookupError, TypeError, ValueError, OverflowError
        ):
            rng.choice(MUTATIONS)(coco, rng, folder)
    path = folder / 'annotations.json'
    path.write_bytes(mutate_bytes(json.dumps(coco).encode(), rng))
    return path


def config(path: Path, masks: bool) -> Config:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=masks),
        dict(type='Resize', scale=(64, 64), keep_ratio=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackDetInputs'),
    ]
    dataset = dict(
        type='CocoDataset', data_root=str(path.parent), ann_file=path.name,
        data_prefix=dict(img=''), metainfo=dict(classes=CLASSES), pipeline=pipeline,
        filter_cfg=dict(filter_empty_gt=True, min_size=8),
    )  # fmt: skip
    metrics = ['bbox', 'segm'] if masks else ['bbox']
    return Config(
        dict(
            model={},
            train_dataloader=dict(dataset=dataset),
            val_dataloader=dict(dataset=dict(dataset, test_mode=True)),
            val_evaluator=dict(
                type='FastCocoMetric', ann_file=str(path), metric=metrics
            ),
        )
    )


def run_cleanly(cfg: Config) -> None:
    """Data set, pipeline and evaluation; raises whatever they raise."""
    init_default_scope('mmdet')
    settings = dict(cfg.train_dataloader.dataset)
    settings.pop('type')
    dataset = CocoDataset(**settings)
    assert len(dataset)
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        assert sample.gt_instances.bboxes.tensor.isfinite().all()
    settings = dict(cfg.val_evaluator)
    settings.pop('type')
    metric = FastCocoMetric(**settings)
    metric.dataset_meta = dict(classes=CLASSES)
    annotations = metric._coco_api
    metric.cat_ids = annotations.get_cat_ids(cat_names=CLASSES)
    metric.img_ids = annotations.get_img_ids()
    metric.results = [as_prediction(annotations, key, metric) for key in metric.img_ids]
    metric.compute_metrics(metric.results)


def as_prediction(coco, image_id, metric: FastCocoMetric) -> tuple[dict, dict]:
    """The objects of an image as CocoMetric keeps predictions, and its ground truth."""
    image = coco.load_imgs([image_id])[0]
    objects = [
        entry
        for entry in coco.load_anns(coco.get_ann_ids(img_ids=[image_id]))
        if entry['category_id'] in metric.cat_ids
    ]
    boxes = np.array([entry['bbox'] for entry in objects], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    found = dict(
        img_id=image_id,
        bboxes=boxes,
        scores=np.full(len(objects), 0.9),
        labels=np.array([metric.cat_ids.index(e['category_id']) for e in objects], int),
    )
    if 'segm' in metric.metrics:
        found['masks'] = [coco.annToRLE(entry) for entry in objects]
        found['mask_scores'] = found['scores']
    size = dict(img_id=image_id, height=image['height'], width=image['width'])
    return size, found


def attempt(seed: int, folder: Path) -> str:
    """'rejected', 'clean', or the traceback of one try; odd seeds are of masks."""
    folder.mkdir(parents=True, exist_ok=True)
    path = mutated(seed, folder)
    cfg = config(path, masks=bool(seed % 2))
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    try:
        with redirect_stdout(StringIO()):
            found = data_findings(cfg, ('train', 'val'), full=False, progress=False)
            if any(finding.level == ERROR for finding in found):
                return 'rejected'
            run_cleanly(cfg)
        return 'clean'
    except Exception:
        return f'seed {seed}\n{traceback.format_exc()}'


def main() -> None:
    """Tries of the seeds FIRST to LAST - 1 in FOLDER, one JSON line each."""
    first, last, folder = sys.argv[1:]
    for seed in range(int(first), int(last)):
        print(json.dumps(attempt(seed, Path(folder) / str(seed))), flush=True)


def tries_of(first: int, last: int, folder: Path, script: str = __file__) -> list[str]:
    """The outcomes of some seeds, in a process of their own that may die.

    Args:
        script: What to run: this file, or another one with such a ``main``.

    Raises:
        RuntimeError: It could not be started at all.
    """
    outcomes: list[str] = []
    while first + len(outcomes) < last:
        start = first + len(outcomes)
        command = [sys.executable, script, str(start), str(last), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        outcomes += map(json.loads, done.stdout.splitlines())
        if not outcomes:
            raise RuntimeError(f'no try was made: {done.stderr}')
        if first + len(outcomes) < last:
            outcomes.append(f'seed {first + len(outcomes)}\ndied: {done.returncode}')
    return outcomes


def tries_side_by_side(
    tries: int, folder: Path, jobs: int, first: int, script: str = __file__
) -> list[str]:
    """The outcomes of the seeds from ``first`` on; arguments as of :func:`tries_of`."""
    bounds = np.linspace(first, first + tries, jobs + 1).astype(int).tolist()
    with ThreadPoolExecutor(jobs) as pool:
        starts, ends = bounds[:-1], bounds[1:]
        parts = pool.map(tries_of, starts, ends, [folder] * jobs, [script] * jobs)
        return [outcome for part in parts for outcome in part]


def run(tries: int, folder: Path, jobs: int = 2, first: int = 0) -> Outcome:
    """Try the seeds from ``first`` on; what was lost is in ``folder/lost.txt``."""
    outcomes = tries_side_by_side(tries, folder, jobs, first)
    lost = [o for o in outcomes if o not in ('rejected', 'clean')]
    (folder / 'lost.txt').write_text('\n'.join(lost))
    refused = outcomes.count('rejected')
    note = f'{refused} rejected, {outcomes.count("clean")} run cleanly'
    return Outcome('mutated COCO file', tries, tries - len(lost), len(lost), note)


if __name__ == '__main__':
    main()
