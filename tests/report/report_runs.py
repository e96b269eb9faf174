"""Small runs for the tests of the report: result files and work dirs."""

import json
from pathlib import Path

import cv2
import numpy as np

from eca_mm.simulation.coco_sets import detect, make_ground_truth

CONFIG = """\
model = dict(type='RetinaNet', backbone=dict(type='{backbone}'), lr={lr})
data = [dict(scale=(128, 96)), 'b']
work_dir = '{name}'
"""


def make_truth(root: Path, images: int = 25, classes: int = 4) -> dict:
    """ann.json, and the first images in pictures/; returns the annotations."""
    coco = make_ground_truth(images, classes, seed=3)
    (root / 'ann.json').write_text(json.dumps(coco))
    (root / 'pictures').mkdir()
    grey = np.full((48, 64, 3), 127, np.uint8)
    for image in coco['images'][:6]:
        cv2.imwrite(str(root / 'pictures' / image['file_name']), grey)
    return coco


def data_of(root: Path) -> dict[str, Path]:
    """What :func:`make_truth` made, as arguments of ``write_report``."""
    return dict(ann=root / 'ann.json', images=root / 'pictures')


def make_file(root: Path, coco: dict, name: str, seed: int, **detector) -> Path:
    """A result file with few false alarms, so that small sets have some AP."""
    path = root / f'{name}.json'
    rows = detect(coco, seed, background_per_image=5, **detector)
    path.write_text(json.dumps(rows))
    return path


def make_work_dir(
    root: Path, coco: dict, name: str, seed: int, config: str, backbone: str = 'ResNet'
) -> Path:
    """What a training leaves behind that found boxes and masks.

    Its data lie beside the work dir: a report is given them, see :func:`data_of`.
    """
    folder = root / name
    logs = folder / '20260101_000000' / 'vis_data'
    logs.mkdir(parents=True)
    rows = detect(coco, seed, True, background_per_image=5)
    for kind in ('bbox', 'segm'):
        (folder / f'predictions.{kind}.json').write_text(json.dumps(rows))
    record = dict(
        config=config, checkpoint=None, iteration=40, seed=seed, device='CPU',
        commit='abc1234', versions=dict(torch='2.13'), coco=dict(bbox={}, segm={}),
        complexity=dict(parameters=44.4, trainable=44.2, gflops=275.7, size=[128, 96]),
        annotations=str(root / 'ann.json'), images=str(root / 'pictures'),
        classes=[category['name'] for category in coco['categories']],
    )  # fmt: skip
    (folder / 'results.json').write_text(json.dumps(record))
    text = CONFIG.format(backbone=backbone, lr=seed / 100, name=name)
    (folder / config).write_text(text)
    lines = [
        dict(iter=10 * i, loss=5 / i, loss_cls=2 / i, time=0.5, memory=2048)
        for i in range(1, 5)
    ]
    lines.append({'coco/bbox_mAP': 0.25, 'coco/segm_mAP': 0.2, 'step': 1})
    (logs / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    return folder


def add_attention(folder: Path) -> None:
    """What tools/visualize_attention.py leaves in a work dir, and one lost picture."""
    (folder / 'attention').mkdir()
    grey = np.full((48, 64, 3), 127, np.uint8)
    cv2.imwrite(str(folder / 'attention/gates.png'), grey)
    captions = json.dumps({'gates.png': 'The gates.', 'lost.png': 'Not there.'})
    (folder / 'attention/captions.json').write_text(captions)
