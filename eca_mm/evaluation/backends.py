"""COCO's evaluation done by faster packages, with pycocotools' own figures.

hotcoco gives pycocotools' precision and recall bit for bit and is the default.
faster-coco-eval's precision may differ in the last bit. pycocotools is the reference,
and does by itself whatever the others are known to see differently: doubts.py.
"""

import gc
import json
import logging
from contextlib import redirect_stdout
from functools import cached_property
from importlib import import_module
from io import StringIO
from pathlib import Path

import numpy as np
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log
from pycocotools import coco as reference
from pycocotools.cocoeval import COCOeval

from .doubts import doubts

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


class GroundTruth(COCO):
    """mmdet's COCO object whose results go to a fast package.

    Args:
        annotation_file: As of COCO.
        backend: A key of PACKAGES.
    """

    def __init__(self, annotation_file=None, backend: str = DEFAULT) -> None:
        self.backend = backend
        self.loader, self.evaluator = load_package(backend)
        super().__init__(annotation_file)

    @classmethod
    def of(cls, coco: COCO, backend: str) -> 'GroundTruth':
        """The same data set as a loaded COCO object."""
        truth = cls(backend=backend)
        vars(truth).update(vars(coco))
        return truth

    @cached_property
    def fast(self):
        """The data set as the package keeps it."""
        return self.loader(
            {
                part: [
                    {field: row[field] for field in fields if field in row}
                    for row in self.dataset.get(part, [])
                ]
                for part, fields in READ.items()
            }
        )

    def loadRes(self, results: list[dict]):
        """The results as the package keeps them; as pycocotools does in doubt."""
        doubt = next(doubts(self.dataset, results), None)
        if doubt is None:
            return self.fast.loadRes(results)
        message = f'{REFERENCE} evaluates in the place of {self.backend}: {doubt}'
        print_log(message, logger='current', level=logging.WARNING)
        return super().loadRes(results)


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


def evaluation(truth: COCO, found, iou_type: str) -> COCOeval:
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
    found = read_json(results)
    if iou_type == 'segm':
        for row in found:
            row.pop('bbox', None)
    truth = COCO() if backend == REFERENCE else GroundTruth(backend=backend)
    truth.dataset = read_json(annotations)
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluator = evaluation(truth, truth.loadRes(found), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def read_json(path: str | Path):
    """The content of a JSON file, also where it holds NaN.

    Three times as fast as json.load on 300,000 detections; half of that is owed to the
    garbage collector's pause, which would walk all of them again and again.
    """
    text = Path(path).read_bytes()
    collecting = gc.isenabled()
    gc.disable()
    try:
        import orjson  # optional, as the backends

        return orjson.loads(text)
    except (ImportError, ValueError):  # not installed, or met NaN
        return json.loads(text)
    finally:
        if collecting:
            gc.enable()
