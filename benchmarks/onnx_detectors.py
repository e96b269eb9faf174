"""Whole detectors as ONNX beside torch: COCO AP, boxes, and images a second.

    python benchmarks/onnx_detectors.py OUT.csv DATA CONFIG=CHECKPOINT ...

DATA has annotations/instances_val.json and val/, as projects/digits/build.py writes it.
All roads look at the same images one by one, and take turns; ratios are of the times of
one round, with their quartiles. torch.compile compiles backbone and neck: heads have
sizes that change with each image. Pictures are read and resized beforehand.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from eca_mm.analysis.cost import interleaved_times
from eca_mm.coco_format.result_writer import coco_results
from eca_mm.deploy import exporter, precision
from eca_mm.deploy.describe import description
from eca_mm.deploy.verify import both, difference
from eca_mm.engine import exit_status
from eca_mm.environment import commit, device_name, versions
from eca_mm.evaluation.backends import GroundTruth
from eca_mm.files import write_csv
from eca_mm.inference.coco_ids import read_ids
from eca_mm.inference.model import load_inferencer
from eca_mm.progress import track
from eca_mm.runtime import Detector, read_image
from eca_mm.runtime.mask_pasting import run_lengths
from eca_mm.runtime.session import CPU

CALIBRATION = 32  # images of the training set


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('out', type=Path)
    add('data', type=Path)
    add('models', nargs='+', metavar='CONFIG=CHECKPOINT')
    add('--images', type=int, default=200, help='of val, at most')
    add('--rounds', type=int, default=7)
    add('--timed', type=int, default=8, help='images of a round')
    add('--reduced', action='store_true', help='fp16 and int8 files, too')
    add('--no-compile', action='store_true')
    return parser.parse_args()


class Subject:
    """A trained detector, its ONNX files, and the images that all look at."""

    def __init__(self, words: str, args: argparse.Namespace, folder: Path) -> None:
        config, checkpoint = words.split('=')
        self.name = Path(config).stem
        self.inferencer = load_inferencer(checkpoint, config, 'cpu')
        model = self.inferencer.model
        self.kinds = ['bbox', *(['segm'] if model.with_mask else [])]
        self.ann = args.data / 'annotations/instances_val.json'
        self.paths = sorted((args.data / 'val').iterdir())[: args.images]
        self.ids = read_ids(self.ann, list(model.dataset_meta['classes']))
        self.files = {'onnxruntime': folder / f'{self.name}.onnx'}
        whole, _ = exporter.prepared(model)
        program = exporter.to_onnx(whole, 96, 128)
        program.model.metadata_props.update(
            description(whole, self.inferencer.cfg, model.dataset_meta['classes'])
        )
        program.save(self.files['onnxruntime'])
        if args.reduced:
            self.reduce(args, folder)

    def reduce(self, args: argparse.Namespace, folder: Path) -> None:
        """Add files of lower precision."""
        source = self.files['onnxruntime']
        seen = sorted((args.data / 'train').iterdir())[:CALIBRATION]
        for name, convert in (
            ('fp16', precision.to_fp16),
            ('int8', precision.to_int8([read_image(path) for path in seen])),
        ):
            self.files[f'onnxruntime {name}'] = folder / f'{self.name}_{name}.onnx'
            convert(source, self.files[f'onnxruntime {name}'])

    def ap(self, kept: list, kind: str) -> float:
        """COCO AP of [image id, boxes, scores, labels, masks or None] an image."""
        results = []
        for number, boxes, scores, labels, masks in kept:
            found = dict(bboxes=boxes, scores=scores, labels=labels)
            if masks is not None:
                found['masks'] = list(map(run_lengths, masks))
            image = dict(img_id=number, pred_instances=found)
            results += coco_results([image], self.ids.categories, self.sides)
        truth = GroundTruth(str(self.ann))
        judge = truth.evaluator(truth.fast, truth.loadRes(results), kind)
        judge.params.imgIds = [number for number, *_ in kept]
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        return 100 * float(judge.stats[0])

    def sides(self, box: np.ndarray) -> list[float]:
        return Detector.sides(self.detectors['onnxruntime'], box)

    def compare(self) -> list[dict]:
        """AP by torch and by each file, and how far their boxes are apart."""
        self.detectors = {n: Detector(path, CPU) for n, path in self.files.items()}
        kept = {name: [] for name in ('torch', *self.files)}
        apart = {name: ([], []) for name in self.files}
        for path in track(self.paths, self.name):
            number, image = self.ids.of(path, None), read_image(path)
            for name, detector in self.detectors.items():
                (right,), (found,) = both(detector, self.inferencer, [image], None)
                apart[name][0].append(right)
                apart[name][1].append(found)
                kept[name].append(
                    [number, found.boxes, found.scores, found.labels, found.masks]
                )
            masks = right.masks if 'masks' in right else None
            kept['torch'].append(
                [number, right.bboxes, right.scores, right.labels, masks]
            )
        return [self.row(name, kept, *apart[name]) for name in self.files]

    def row(self, name: str, kept: dict, right: list, found: list) -> dict:
        gap = difference(right, found)
        row = dict(detector=self.name, road=name, images=len(self.paths))
        for kind in ('bbox', 'segm'):
            fits = kind in self.kinds
            for road in ('torch', name):
                label = f'{kind}_ap' + ('_torch' if road == 'torch' else '')
                row[label] = round(self.ap(kept[road], kind), 3) if fits else None
        row |= dict(
            detections=gap.detections,
            matched=len(gap.sides),
            within_a_hundredth=round(gap.near, 5),
            median_pixels=float(np.median(gap.sides)),
        )
        return row

    def times(self, args: argparse.Namespace) -> dict[str, dict]:
        """Images a second of each road, and the ratio to torch eager."""
        images = [read_image(path) for path in self.paths[: args.timed]]
        batches = [
            self.inferencer.collate_fn([(None, self.inferencer.pipeline(i[..., ::-1]))])
            for i in images
        ]
        model = self.inferencer.model
        threads = torch.get_num_threads()

        @torch.no_grad()
        def by_torch() -> None:
            for _, data in batches:
                model.test_step(dict(data))

        runs = {'torch eager': by_torch}
        for name, path in self.files.items():
            detector = Detector(path, CPU, threads)
            scaled = [detector.scaled(image) for image in images]
            runs[name] = lambda d=detector, s=scaled: [d.look([image]) for image in s]
        if not args.no_compile:
            runs['torch.compile'] = self.compiled(by_torch)
        found = interleaved_times(runs, args.rounds)
        base = found['torch eager']
        return {name: speeds(taken, base, len(images)) for name, taken in found.items()}

    def compiled(self, run):
        """The same with backbone and neck compiled, for a while."""
        model = self.inferencer.model
        plain = model.backbone, model.neck
        fast = tuple(torch.compile(part, dynamic=False) for part in plain)

        def compiled() -> None:
            model.backbone, model.neck = fast
            run()
            model.backbone, model.neck = plain

        return compiled


def speeds(taken: np.ndarray, base: np.ndarray, images: int) -> dict:
    low, middle, high = np.quantile(base / taken, (0.25, 0.5, 0.75))
    return dict(
        images_per_s=round(1e3 * images / float(np.median(taken)), 2),
        ratio_to_eager=round(middle, 3),
        lower_quartile=round(low, 3),
        upper_quartile=round(high, 3),
    )


def main() -> None:
    args = parse_args()
    about = dict(
        rounds=args.rounds,
        device=device_name('cpu'),
        **versions(('torch', 'mmdet', 'onnxruntime')),
        commit=commit(),
    )
    rows = []
    for words in args.models:
        with tempfile.TemporaryDirectory() as folder:
            subject = Subject(words, args, Path(folder))
            compared = {row['road']: row for row in subject.compare()}
            like = compared['onnxruntime']
            for road, speed in subject.times(args).items():
                empty = {key: None for key in like}
                known = compared.get(
                    road, empty | dict(detector=subject.name, road=road)
                )
                rows.append(known | speed | about)
        write_csv(args.out, rows)
    print(args.out)


if __name__ == '__main__':
    sys.exit(exit_status(main))
