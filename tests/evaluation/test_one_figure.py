"""The metric, the report and plain pycocotools have the same figures of the same files.

Whatever FastCocoMetric evaluates is reported, also where a file is odd: the metric
writes its results, the report reads them, and pycocotools reads both files by itself.
"""

import contextlib
import copy
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.evaluation.backends import evaluate_files
from eca_mm.evaluation.image_scores import image_scores
from eca_mm.evaluation.outcomes import outcomes
from eca_mm.evaluation.pr_curves import per_class
from eca_mm.report.groups import Group
from eca_mm.report.material import gather
from eca_mm.report.runs import Run

CLASSES = ('cell', 'disc')
ABSENT = [{}, [1, 2, 3, 4, 5, 6], None, 'none']  # forms that segmentations do not have


def data_set() -> tuple[dict, dict]:
    """Objects, and what a detector finds: most of them, shifted, and some that are not.

    Returns:
        A COCO dict, and of each image the detections (N, 6): x1, y1, x2, y2, score,
        label.
    """
    rng = np.random.default_rng(0)
    images = [
        dict(id=i, file_name=f'{i}.png', width=64, height=64) for i in range(1, 13)
    ]
    objects, found = [], {i: [] for i in range(1, 13)}
    for i in range(1, 13):
        for _ in range(4):
            x, y, w, h = rng.integers((2, 2, 8, 8), (30, 30, 30, 30)).tolist()
            label = int(rng.integers(2))
            objects.append(
                dict(id=len(objects) + 1, image_id=i, category_id=label + 1)
                | dict(bbox=[x, y, w, h], area=w * h, iscrowd=int(rng.random() < 0.1))
                | dict(segmentation=[[x, y, x + w, y, x + w, y + h]])
            )
            box = np.array([x, y, x + w, y + h]) + rng.integers(-2, 3, 4)
            label = label if rng.random() < 0.8 else 1 - label
            score = round(rng.random(), 1)  # so that many are equal
            found[i] += [[*box, score, label]] * int(rng.random() < 0.9)
        found[i].append([*rng.integers(1, 9, 2), 20, 20, round(rng.random(), 1), 0])
    x, y, w, h = objects[0]['bbox']  # for which some case has an id of 0
    objects[0]['iscrowd'] = 0
    found[1].append([x, y, x + w, y + h, 0.9, objects[0]['category_id'] - 1])
    categories = [dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)]
    coco = dict(images=images, annotations=objects, categories=categories)
    return coco, {key: np.array(rows, float) for key, rows in found.items()}


def every(part: str, **values):
    """Set fields of all entries; a function makes the value from the one there."""

    def change(coco: dict, found: dict) -> None:
        for entry in coco[part]:
            for key, value in values.items():
                entry[key] = value(entry[key]) if callable(value) else value

    return change


def renumbered(make):
    """Give images and categories, and what refers to them, other ids."""

    def change(coco: dict, found: dict) -> None:
        for key, part in (('image_id', 'images'), ('category_id', 'categories')):
            for entry in coco[part]:
                entry['id'] = make(entry['id'])
            for entry in coco['annotations']:
                entry[key] = make(entry[key])
        for key in list(found):
            found[make(key)] = found.pop(key)

    return change


def first(part: str, **values):
    return lambda coco, found: coco[part][0].update(values)


def unlisted(coco: dict, found: dict) -> None:
    coco['annotations'].append(dict(coco['annotations'][0], id=999, image_id=77))
    coco['annotations'].append(dict(coco['annotations'][0], id=998, category_id=77))


def odd_boxes(*values: float):
    def change(coco: dict, found: dict) -> None:
        for key, value in zip(found, values, strict=False):
            found[key][:2, 2] = value

    return change


def lacking(coco: dict, found: dict) -> None:
    for image in coco['images']:
        del image['width'], image['file_name']


ANN = 'annotations'
CASES = {
    'right': lambda coco, found: None,
    'fields that nothing reads': every('images', date_captured=0, license='none'),
    'supercategory': every('categories', supercategory=7),
    'texts for ids': renumbered(lambda key: f'a{20 - key}'),
    'negative ids': renumbered(lambda key: 5 - key),
    'ids such as 3.0': renumbered(float),
    'negative annotation ids': every(ANN, id=lambda key: -key),
    'texts for annotation ids': every(ANN, id=str),
    'annotation id 0': every(ANN, id=lambda key: key - 1),
    'texts for annotation ids, one is 0': every(ANN, id=lambda key: str(key - 1)),
    'objects of nothing that is listed': unlisted,
    'ignored objects': every(ANN, ignore=1),
    'infinite box': first(ANN, bbox=[1, 1, math.inf, math.inf]),
    'box of NaN': first(ANN, bbox=[1, 1, math.nan, 9]),
    'infinite area': first(ANN, area=math.inf),
    'area of NaN': first(ANN, area=math.nan),
    'infinite detections': odd_boxes(math.inf, math.inf, -math.inf),
    'detections of NaN': odd_boxes(math.nan, math.nan),
    'images without name and width': lacking,
}
for i, form in enumerate(ABSENT):
    CASES[f'no masks {i}'] = every(ANN, segmentation=form)


def metric_of(folder: Path, coco: dict, found: dict) -> dict:
    """FastCocoMetric's figures; its results are in folder/ours.bbox.json."""
    path = folder / 'ann.json'
    path.write_text(json.dumps(coco))
    metric = METRICS.build(
        dict(type='FastCocoMetric', ann_file=str(path), outfile_prefix=f'{folder}/ours')
    )
    metric.dataset_meta = dict(classes=CLASSES)
    samples = [
        dict(
            img_id=key, ori_shape=(64, 64),
            pred_instances=dict(
                bboxes=torch.tensor(rows[:, :4]), scores=torch.tensor(rows[:, 4]),
                labels=torch.tensor(rows[:, 5].astype(int)),
            ),
        )
        for key, rows in found.items()
    ]  # fmt: skip
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def report_of(folder: Path):
    groups = [Group('ours', [Run('ours', {'': folder / 'ours.bbox.json'})])]
    return gather(groups, None, folder / 'ann.json', None, 2, 0, lambda text: None)


def reference(folder: Path) -> tuple[np.ndarray, int]:
    """pycocotools' twelve figures, NaN for its -1; how many detections are right."""
    coco, results = (
        json.loads((folder / name).read_text())
        for name in ('ann.json', 'ours.bbox.json')
    )
    truth = COCO()
    truth.dataset = coco
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(results), 'bbox')
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    right = sum(
        ((e['dtMatches'][0] != 0) & (e['dtIgnore'][0] == 0)).sum()
        for e in evaluator.evalImgs
        if e and e['aRng'] == evaluator.params.areaRng[0]
    )
    return np.where(evaluator.stats < 0, np.nan, evaluator.stats), right


@pytest.mark.parametrize('case', CASES)
def test_one_figure_everywhere(tmp_path, case):
    coco, found = copy.deepcopy(data_set())
    CASES[case](coco, found)
    metric = metric_of(tmp_path, coco, found)
    expected, right = reference(tmp_path)
    material = report_of(tmp_path)
    ours = material.sampled['bbox'].values['ours'][0, :12]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    figures = [metric[f'coco/bbox_{k}'] for k in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s')]
    np.testing.assert_array_equal(figures, ours[:4].round(3))
    assert 0 < ours[0] < 1
    # and within the report: the table of classes, and what is right
    detections = material.detections['bbox']['ours']
    classes = per_class(detections)
    np.testing.assert_allclose(classes.mean('ap')[0], expected[0], atol=1e-12)
    assert outcomes(detections).correct.sum() == right > 0
    listed = [row for row in coco['annotations'] if row['image_id'] != 77]
    listed = [row for row in listed if not row['iscrowd'] and row['category_id'] != 77]
    of_images = image_scores(detections, score_threshold=0)
    assert (of_images.correct + of_images.missed).sum() == len(listed)
    np.testing.assert_array_equal(
        evaluate_files(tmp_path / 'ann.json', tmp_path / 'ours.bbox.json').stats[:3],
        expected[:3],
    )


TOLD = {
    'annotation id 0': '1 of 48 have id 0, which never counts as found',
    'objects of nothing that is listed': '1 of 50 are of image_id that is not among',
    'infinite box': '1 of 48 have a bbox or area that is not finite (id 1)',
    'infinite detections': '6 of 52 boxes are not finite (result 0: [',
}


@pytest.mark.parametrize('case', TOLD)
def test_what_is_odd_is_told_once(tmp_path, case, capsys):
    coco, found = copy.deepcopy(data_set())
    CASES[case](coco, found)
    metric_of(tmp_path, coco, found)
    notes = report_of(tmp_path).notes
    assert sum(TOLD[case] in note for note in notes) == 1
    assert capsys.readouterr().err.count(TOLD[case]) == 1


def test_nothing_found_is_a_result(tmp_path):
    coco, found = data_set()
    metric_of(tmp_path, coco, {key: rows[:0] for key, rows in found.items()})
    material = report_of(tmp_path)
    np.testing.assert_array_equal(
        material.sampled['bbox'].values['ours'][0, [0, 1, 2, 8]], 0
    )
    detections = material.detections['bbox']['ours']
    assert per_class(detections).mean('ap')[0] == 0
    stats = evaluate_files(tmp_path / 'ann.json', tmp_path / 'ours.bbox.json').stats
    assert stats[0] == stats[8] == 0
