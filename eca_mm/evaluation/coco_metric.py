"""mmdet's CocoMetric, evaluated in seconds instead of a minute."""

from functools import partial
from pathlib import Path

import numpy as np
from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS

from eca_mm.coco_format import TruthError, checked, read_coco, read_json
from eca_mm.host import with_names

from .backends import DEFAULT, REFERENCE, GroundTruth, evaluation


class HostTruth(GroundTruth, COCO):
    """The ground truth under the names that the host's metric calls, too."""


@METRICS.register_module()
class FastCocoMetric(CocoMetric):
    """COCO's figures under the arguments and names of mmdet's CocoMetric.

    Proposal recall by `proposal_fast` is mmdet's own in any case.

    Args:
        backend: 'hotcoco', 'faster-coco-eval' or 'pycocotools'. The last one makes this
            CocoMetric itself.
        args, kwargs: As of CocoMetric; `iou_thrs` also as a number or a list, which
            the host documents and does not take: mAP is their mean, and what COCO
            counts at 0.5 or 0.75 is left out where that is not among them.

    Raises:
        ValueError: Another backend; `use_mp_eval`, which spreads pycocotools over
            processes, with another one than that; an error in `ann_file`.
        ImportError: The backend is not installed.
    """

    def __init__(self, *args, backend: str = DEFAULT, **kwargs) -> None:
        self.backend = backend
        if backend == REFERENCE:
            super().__init__(*args, **kwargs)
        else:
            self.construct(*args, **kwargs)

    def construct(self, *args, **kwargs) -> None:
        """As the host's, with the package that evaluates."""
        self.load_truth = partial(HostTruth, backend=self.backend)
        self.load_truth()  # now, and not after an epoch, if the package is missing
        construct = with_names(CocoMetric.__init__, COCO=self.load_checked)
        construct(self, *args, **kwargs)
        if self.use_mp_eval:
            raise ValueError(
                f'use_mp_eval needs backend={REFERENCE!r}, not {self.backend!r}'
            )

    def load_checked(self, ann_file: str) -> HostTruth:
        """The ground truth of the user's file; the host's own is not looked at."""
        truth = self.load_truth()
        if self.format_only:  # COCO's test-dev has no annotations
            truth.take(read_coco(Path(ann_file), optional=('annotations',)))
            return truth
        try:
            coco, _ = checked(read_coco(Path(ann_file)), 'segm' in self.metrics)
        except TruthError as error:
            raise ValueError(f'{ann_file}: {error}') from None
        truth.take(coco)
        return truth

    def compute_metrics(self, results: list) -> dict[str, float]:
        compute = CocoMetric.compute_metrics
        if self.backend != REFERENCE:
            compute = with_names(
                compute, COCO=self.load_truth, COCOeval=evaluation, load=read_json
            )
        given = self.iou_thrs
        # The host compares them with 0.5, which a list or a number does not stand.
        self.iou_thrs = np.atleast_1d(np.asarray(given, float))
        absent = tuple(
            f'mAP_{threshold:.0f}'
            for threshold in (50, 75)
            if not np.isclose(self.iou_thrs, threshold / 100).any()
        )
        try:
            figures = compute(self, results)
        finally:
            self.iou_thrs = given
        return {name: v for name, v in figures.items() if not name.endswith(absent)}
