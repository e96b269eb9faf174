"""COCO's evaluation done by faster packages, with pycocotools' own figures.

hotcoco gives pycocotools' precision and recall bit for bit and is the default.
faster-coco-eval's precision may differ in the last bit. pycocotools is the reference,
and does by itself whatever the others are known to see differently: doubts.py.
"""

import logging
from contextlib import redirect_stdout
from functools import cached_property
from importlib import import_module
from io import StringIO
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from pycocotools import coco as reference
from pycocotools.cocoeval import COCOeval

from eca_mm.coco_format import (
    Results,
    as_results,
    read_json,
    read_results,
    read_truth,
)
from eca_mm.coco_format.masks import wrong_forms

from .doubts import doubts
from .objects import sizes_of, with_run_lengths

REFERENCE = 'pycocotools'
DEFAULT = 'hotcoco'
# backend, as pip names it: module, and its classes in the place of COCO and COCOeval
PACKAGES = {
    'hotcoco': ('hotcoco', 'COCO', 'COCOeval'),
    'faster-coco-eval': ('faster_coco_eval', 'COCO', 'COCOeval_faster'),
}
BACKENDS = (*PACKAGES, REFERENCE)
# What the packages need; one refuses the whole set for an odd value in other fields,
# such as the date_captured=0 of CVAT's exports.
READ = {
    'images': ('id', 'width', 'height'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd')
    + ('segmentation',),
    'categories': ('id', 'name'),
}
PARAMETERS = ('imgIds', 'catIds', 'iouThrs', 'recThrs', 'maxDets', 'useCats')
PARAMETERS += ('areaRng', 'areaRngLbl')


def load_package(backend: str) -> tuple[type, type]:
    """The classes of a fast package that stand for COCO and COCOeval.

    Raises:
        ValueError: No such backend.
        ImportError: It is not installed; says how to.
    """
    if backend not in PACKAGES:
        raise ValueError(f'backend must be one of {BACKENDS}, not {backend!r}')
    module, *names = PACKAGES[backend]
    try:
        package = import_module(module)
    except ImportError:
        raise ImportError(
            f'backend {backend!r} is not installed: run "python -m pip install '
            f'{backend}", or choose backend={REFERENCE!r}'
        ) from None
    return tuple(getattr(package, name) for name in names)


class GroundTruth(reference.COCO):
    """pycocotools' COCO object whose results go to a fast package.

    Args:
        annotation_file: As of COCO.
        backend: A key of PACKAGES.
    """

    def __init__(self, annotation_file=None, backend: str = DEFAULT) -> None:
        self.backend = backend
        self.loader, self.evaluator = load_package(backend)
        super().__init__()
        if annotation_file is not None:
            self.take(read_json(annotation_file))

    def take(self, content: dict) -> None:
        """Become the data set of a COCO file's content, which pycocotools changes."""
        self.dataset = content
        with redirect_stdout(StringIO()):
            self.createIndex()
        self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs

    @cached_property
    def fast(self):
        """The data set as the package keeps it."""
        return self.loader(readable(self.dataset))

    def loadRes(self, results: list[dict]):
        """The results as the package keeps them; as pycocotools does in doubt."""
        doubt = next(doubts(self.dataset, results), None)
        if doubt is None:
            return self.fast.loadRes(results)
        message = f'{REFERENCE} evaluates in the place of {self.backend}: {doubt}'
        print_log(message, logger='current', level=logging.WARNING)
        return super().loadRes(results)


def readable(dataset: dict) -> dict:
    """Of a data set what the packages read, without what they would refuse it for.

    A segmentation that is none is left out: boxes are evaluated without, and for masks
    it is a doubt.
    """
    parts = {
        part: [
            {field: row[field] for field in fields if field in row}
            for row in dataset.get(part, [])
        ]
        for part, fields in READ.items()
    }
    rows = parts['annotations']
    for i in wrong_forms([row.get('segmentation') for row in rows]):
        del rows[i]['segmentation']
    return parts


class FastEvaluation(COCOeval):
    """pycocotools' COCOeval with the matching of a fast package.

    The summary stays pycocotools': same figures, same printed lines. There are no
    `evalImgs`.

    Args:
        cocoGt: A GroundTruth.
        cocoDt: What its loadRes returned.
        iouType: 'bbox' or 'segm'.
    """

    def evaluate(self) -> None:
        p = self.params
        p.imgIds = np.unique(p.imgIds).tolist()
        p.catIds = np.unique(p.catIds).tolist()
        p.maxDets = sorted(p.maxDets)
        truth = self.cocoGt
        self._fast = truth.evaluator(truth.fast, self.cocoDt, p.iouType)
        for name in PARAMETERS:
            setattr(self._fast.params, name, getattr(p, name))
        self._fast.evaluate()

    def accumulate(self) -> None:
        p = self.params
        self._fast.accumulate()
        classes = len(p.catIds) if p.useCats else 1
        shape = len(p.iouThrs), len(p.recThrs), classes, len(p.areaRng), len(p.maxDets)
        found = self._fast.eval
        self.eval = dict(
            params=p,
            counts=list(shape),
            precision=np.reshape(found['precision'], shape),
            recall=np.reshape(found['recall'], (shape[0], *shape[2:])),
            scores=np.reshape(found['scores'], shape),
        )


def evaluation(truth: reference.COCO, found, iou_type: str) -> COCOeval:
    """The evaluator that suits what `truth.loadRes` returned."""
    kind = COCOeval if isinstance(found, reference.COCO) else FastEvaluation
    return kind(truth, found, iou_type)


def evaluate_files(
    annotations: str | Path,
    results: str | Path,
    iou_type: str = 'bbox',
    backend: str = DEFAULT,
) -> COCOeval:
    """From a COCO annotation file and a COCO result file to COCO's figures.

    As in mmdet, a mask's size is its own area and not its box's.

    Returns:
        The evaluator: its `stats` are the 12 figures, its `eval` the arrays.
    """
    content = read_truth(Path(annotations), masks=iou_type == 'segm')
    found = as_results(read_results(Path(results)), content, [iou_type], strict=False)
    truth = reference.COCO() if backend == REFERENCE else GroundTruth(backend=backend)
    truth.dataset = content.content
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluator = evaluate(truth, found, iou_type)
        evaluator.summarize()
    return evaluator


def evaluate(truth: reference.COCO, results: Results, iou_type: str) -> COCOeval:
    """COCO's evaluation (IoU .5 to .95, 100 detections an image), accumulated.

    No result at all is AP 0, which pycocotools cannot load.
    """
    rows = rows_for(truth, results, iou_type)
    with redirect_stdout(StringIO()):
        found = truth.loadRes(rows) if rows else nothing_found(truth)
        evaluator = evaluation(truth, found, iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def rows_for(truth: reference.COCO, results: Results, iou_type: str) -> list[dict]:
    """Rows that pycocotools may change: for masks without the box, as in mmdet."""
    if iou_type == 'bbox':
        return [dict(row) for row in results.rows]
    sizes = sizes_of(truth.dataset['images'])
    return [
        {key: row[key] for key in row if key != 'bbox'}
        | dict(segmentation=with_run_lengths(row, sizes))
        for row in results.rows
    ]


def nothing_found(truth: reference.COCO):
    """What loadRes would return for no result."""
    if isinstance(truth, GroundTruth):
        return truth.fast.loadRes([])
    found = reference.COCO()
    found.dataset = truth.dataset | dict(annotations=[])
    found.createIndex()
    return found
