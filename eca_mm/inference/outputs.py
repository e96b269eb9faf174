"""What a detector found: pictures, a table, and a file in COCO's result format."""

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import mmcv
import numpy as np
from mmdet.apis import DetInferencer
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results

from eca_mm.engine.errors import RequestError
from eca_mm.engine.preflight.config_parts import metrics_of
from eca_mm.evaluation.dump import coco_results

from .ids import read_ids
from .inputs import Sample, file_name, short
from .result_files import ResultFiles

COLOURED = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')


def check_out(name: str, inputs: Iterable[Path], ann: str | None) -> Path:
    """The folder for all files, made if need be.

    Raises:
        RequestError: There can be none, or a file of the user's would be replaced.
    """
    out = Path(name)
    pictures = os.path.realpath(out / 'pictures')
    for path in inputs:
        if os.path.realpath(path.parent) == pictures:
            raise RequestError(
                f'--out {name}: its pictures would replace {path}: name another folder'
            )
    written = {os.path.realpath(out / f'{part}.json') for part in ('images', 'results')}
    if ann and os.path.realpath(ann) in written:
        raise RequestError(
            f'--out {name}: it would replace --ann {ann}: name another folder'
        )
    try:
        (out / 'pictures').mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f'--out {name}: {error.strerror}: name a folder') from error
    if not os.access(out, os.W_OK):
        raise RequestError(f'--out {name} cannot be written to')
    return out


class Findings:
    """Detections of each batch, kept for the files and drawn at once.

    Attributes:
        files: The table and the results, written as they come.
        images: The images in COCO's format.
    """

    def __init__(
        self, inferencer: DetInferencer, out: Path, score_thr: float, ann: str | None
    ) -> None:
        self.inferencer = inferencer
        self.out, self.score_thr = out / 'pictures', score_thr
        self.classes = list(inferencer.model.dataset_meta['classes'])
        self.ids = read_ids(Path(ann), self.classes) if ann else None
        metrics = metrics_of(inferencer.cfg, 'test') or [{}]
        kind = METRICS.get(metrics[0].get('type', 'CocoMetric'))
        is_coco = isinstance(kind, type) and issubclass(kind, CocoMetric)
        self.box_of = (kind if is_coco else CocoMetric)().xyxy2xywh
        self.files, self.images = ResultFiles(out), []
        self.names: set[str] = set()  # of pictures
        self.video: tuple[Path, cv2.VideoWriter] | None = None

    def add(self, batch: list[Sample]) -> None:
        """Look at some images."""
        inferencer = self.inferencer
        pairs = [(sample.image, sample.data) for sample in batch]
        originals, data = inferencer.collate_fn(pairs)
        found = inferencer.forward(data)
        drawn = inferencer.visualize(
            originals, found, return_vis=True, pred_score_thr=self.score_thr
        )
        for sample, detections, picture in zip(batch, found, drawn, strict=True):
            self.keep(sample, detections)
            self.draw(sample, picture)

    def keep(self, sample: Sample, found: DetDataSample) -> None:
        """Note an image's detections."""
        name = file_name(sample.path, sample.frame)
        height, width = found.ori_shape
        number = len(self.images) + 1 if self.ids is None else self.ids.image(sample)
        self.images.append(dict(id=number, file_name=name, height=height, width=width))
        pred = found.pred_instances.cpu()
        instances = dict(bboxes=pred.bboxes, scores=pred.scores, labels=pred.labels)
        if 'masks' in pred:
            instances['masks'] = encode_mask_results(pred.masks.numpy())
        image = dict(img_id=number, pred_instances=instances)
        results = coco_results([image], self.category_ids, self.box_of)
        rows = []
        for label, score, box in zip(
            pred.labels.tolist(), pred.scores.tolist(), pred.bboxes.numpy(), strict=True
        ):
            if score >= self.score_thr:
                sides = [round(side, 1) for side in self.box_of(box)]
                kind = self.classes[label]
                row = [sample.path, sample.frame, kind, round(score, 4), *sides]
                rows.append([str(row[0]), *row[1:]])
        self.files.add(rows, results)

    @property
    def category_ids(self) -> list[int]:
        """By label."""
        if self.ids is not None:
            return self.ids.categories
        return list(range(1, len(self.classes) + 1))

    def images_file(self) -> dict:
        """A COCO file of the images, without annotations."""
        pairs = zip(self.category_ids, self.classes, strict=True)
        categories = [dict(id=i, name=name) for i, name in pairs]
        return dict(images=self.images, annotations=[], categories=categories)

    def draw(self, sample: Sample, picture: np.ndarray) -> None:
        """Write a picture (H, W, 3) in RGB, or append it to that of its video."""
        bgr = np.ascontiguousarray(picture[..., ::-1])
        if sample.frame is None:
            name = sample.path
            name = name if name.suffix.lower() in COLOURED else name.with_suffix('.png')
            write_picture(bgr, self.out / self.free_name(name.name))
            return
        if self.video is None or self.video[0] != sample.path:
            self.close_video()
            path = self.out / self.free_name(f'{sample.path.stem}.mp4')
            path.unlink(missing_ok=True)
            size = bgr.shape[1], bgr.shape[0]
            codec = cv2.VideoWriter_fourcc(*'mp4v')
            writer = cv2.VideoWriter(str(path), codec, sample.fps or 25, size)
            if not writer.isOpened():
                raise RequestError(f'{path} cannot be written')
            self.video = sample.path, writer
        self.video[1].write(bgr)

    def free_name(self, name: str) -> str:
        """The name, with a number if a file of another folder has it."""
        path, number = Path(name), 1
        while name in self.names:
            number += 1
            name = f'{path.stem}_{number}{path.suffix}'
        self.names.add(name)
        return name

    def close(self) -> None:
        """Finish all files with what was found so far; none if nothing was."""
        self.close_video()
        if self.images:
            self.files.close(self.images_file())

    def close_video(self) -> None:
        """Finish the picture of a video."""
        if self.video is not None:
            self.video[1].release()
            self.video = None


def write_picture(bgr: np.ndarray, path: Path) -> None:
    """Write a picture (H, W, 3); a link of an earlier run is not followed."""
    try:
        path.unlink(missing_ok=True)
        if not mmcv.imwrite(bgr, str(path)):
            raise RequestError(f'{path} cannot be written')
    except (OSError, cv2.error) as error:
        raise RequestError(f'{path} cannot be written ({short(error)})') from error
