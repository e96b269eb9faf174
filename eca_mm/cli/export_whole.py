"""Write a whole detector as an ONNX file, and check the file: export --whole."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
from mmdet.apis import DetInferencer

from eca_mm.backbones.fold import describe
from eca_mm.deploy import exporter, precision
from eca_mm.deploy.describe import description
from eca_mm.deploy.verify import SHARE, compare
from eca_mm.engine import RequestError, RunStopped
from eca_mm.engine.arguments import parsed
from eca_mm.files import replaced
from eca_mm.inference.inputs import Inputs, short
from eca_mm.inference.model import load_inferencer
from eca_mm.runtime import NotADetector, read_image
from eca_mm.runtime.pipeline import resized_shape

from .export import told_in_one_line

SIDES = ((1.0, 1.0), (0.75, 1.0), (1.0, 0.6))  # of images to check with, of --shape


def main(args: Namespace) -> None:
    options = parsed(args.cfg_options)
    inferencer = load_inferencer(args.checkpoint, args.config, 'cpu', options)
    whole, folded = exporter.prepared(inferencer.model)
    told = description(whole, inferencer.cfg, inferencer.model.dataset_meta['classes'])
    told['config'] = Path(args.config).name
    rule = json.loads(told['resize'])
    images = check_images(args, rule)
    calibration = read_images(args.int8, '--int8', rule) if args.int8 else []
    print(f'{describe(folded)}; exporting', flush=True)
    with told_in_one_line(args):
        program = exporter.to_onnx(whole, args.shape[1], args.shape[0], args.opset)
    program.model.metadata_props.update(told)
    with replaced(args.out) as path:
        program.save(path)
        check(path, args.out, inferencer, images)
    print(args.out)
    if args.fp16:
        reduce(precision.to_fp16, args.out, 'fp16', inferencer, images)
    if calibration:
        reduce(precision.to_int8(calibration), args.out, 'int8', inferencer, images)


def check(
    path: Path, out: Path, inferencer: DetInferencer, images: list[np.ndarray]
) -> None:
    """Say how the file differs from mmdet.

    Raises:
        RunStopped: By more than rounding explains.
    """
    print('checking', flush=True)
    differences = compared(path, out, inferencer, images)
    for found in differences:
        print(f'  {found}')
    total = sum(found.detections for found in differences)
    if not total:
        raise RunStopped(
            'nothing was found in the images, so there is nothing to compare: give '
            f'others by --image; {out} was not written'
        )
    if sum(found.good for found in differences) < SHARE * total:
        raise RunStopped(
            f'fewer than {SHARE:.0%} of the detections are as in mmdet; {out} was not '
            'written (give images of your data with --image, where the model is surer)'
        )


def compared(path: Path, out: Path, inferencer, images: list) -> list:
    """Differences of a file that is to become ``out``.

    Raises:
        RunStopped: It finds what cannot be, as scores that are NaN.
    """
    try:
        return compare(path, inferencer, images)
    except NotADetector as error:
        raise RunStopped(f'{error}; {out} was not written') from error


def reduce(convert, out: Path, name: str, inferencer, images: list) -> None:
    """Write a file of lower precision beside the whole one, and say what it costs."""
    target = out.with_name(f'{out.stem}_{name}.onnx')
    with replaced(target) as path:
        convert(out, path)
        for found in compared(path, target, inferencer, images):
            print(f'  {found}')
    print(target)


def check_images(args: Namespace, rule: dict | None) -> list[np.ndarray]:
    """Those of ``--image``, else noise of several sizes, not too sharp."""
    if args.image:
        return read_images(args.image, '--image', rule)
    rng, (width, height) = np.random.default_rng(0), args.shape
    found = []
    for down, across in SIDES:
        rows, columns = int(height * down), int(width * across)
        coarse = rng.integers(0, 256, (rows // 8 + 1, columns // 8 + 1, 3), np.uint8)
        found.append(coarse.repeat(8, 0).repeat(8, 1)[:rows, :columns])
    return found


def read_images(words: list[str], option: str, rule: dict | None) -> list[np.ndarray]:
    """Images of files, folders and patterns of names.

    Args:
        rule: By which they will be resized.

    Raises:
        RequestError: One cannot be read or resized, or there is none.
    """
    inputs, found = Inputs.find(words), []
    for path in inputs.paths:
        try:
            found.append(read_image(path))
            if rule:
                height, width = found[-1].shape[:2]
                resized_shape(height, width, rule['scale'], rule['keep_ratio'])
        except Exception as error:  # of a decoder
            raise RequestError(f'{option}: {path}: {short(error)}') from error
    if inputs.skipped or not found:
        raise RequestError(f'{option}: {(inputs.skipped or ["no image"])[0]}')
    return found
