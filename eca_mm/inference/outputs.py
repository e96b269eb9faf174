"""What a detector found: pictures, a table, and a file in COCO's result format."""

import os
from collections.abc import Iterable
from pathlib import Path

from eca_mm.coco_format.result_writer import coco_results
from eca_mm.errors import RequestError

from .coco_ids import read_ids
from .inputs import Sample, file_name
from .pictures import Pictures
from .result_files import ResultFiles
from .seen import Model, Seen


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
        self, model: Model, out: Path, score_thr: float, ann: str | None
    ) -> None:
        self.model, self.score_thr = model, score_thr
        self.classes = list(model.classes)
        self.ids = read_ids(Path(ann), self.classes) if ann else None
        self.files, self.images = ResultFiles(out), []
        self.pictures = Pictures(out / 'pictures', model.save)

    def add(self, batch: list[Sample]) -> None:
        """Look at some images."""
        found, drawn = self.model.look(batch, self.score_thr)
        for sample, detections, picture in zip(batch, found, drawn, strict=True):
            self.keep(sample, detections)
            self.pictures.add(sample, picture)

    def keep(self, sample: Sample, seen: Seen) -> None:
        """Note an image's detections."""
        name = file_name(sample.path, sample.frame)
        number = len(self.images) + 1 if self.ids is None else self.ids.image(sample)
        self.images.append(
            dict(id=number, file_name=name, height=seen.height, width=seen.width)
        )
        instances = dict(bboxes=seen.boxes, scores=seen.scores, labels=seen.labels)
        if seen.masks is not None:
            instances['masks'] = seen.masks
        box_of = self.model.box_of
        image = dict(img_id=number, pred_instances=instances)
        results = coco_results([image], self.category_ids, box_of)
        rows = []
        for label, score, box in zip(
            seen.labels.tolist(), seen.scores.tolist(), seen.boxes, strict=True
        ):
            if score >= self.score_thr:
                sides = [round(side, 1) for side in box_of(box)]
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

    def close(self) -> None:
        """Finish all files with what was found so far; none if nothing was."""
        self.pictures.close()
        if self.images:
            self.files.close(self.images_file())
