"""Compose a COCO-format data set of handwritten digits on photos, without a network.

The digits (scikit-learn's load_digits, 8x8 grey) and the photos (load_sample_images)
come inside scikit-learn. Train and val share neither a digit nor a part of a photo.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import compose
import cv2
import numpy as np
from pycocotools import mask as mask_util

from eca_mm.engine import RequestError, exit_status
from eca_mm.progress import Bar, progress

NAMES = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
VERSION = 1  # count on when the pixels change: data of another version is built anew
MADE_BY = 'eca_mm projects/digits/build.py'
NUMBERS = {  # default, lowest, highest, help
    'seed': (0, 0, 2**32 - 1, 'another seed, other images'),
    'train': (2000, 1, 10**6, 'training images'),
    'val': (200, 1, 10**6, 'validation images'),
    'size': (128, 64, 1024, 'side of an image in pixels'),
}
EPILOG = """\
DIR gets COCO's layout: annotations/instances_{train,val}.json, train/*.png, val/*.png.
The same settings give the same data, and are not built twice.

examples:
  python projects/digits/build.py
  python projects/digits/build.py --out data/digits_1 --seed 1 --train 500
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--out', type=Path, default='data/digits', metavar='DIR',
        help='data folder to make (default: %(default)s)',
    )  # fmt: skip
    for name, (default, low, _, text) in NUMBERS.items():
        parser.add_argument(
            f'--{name}', type=int, default=default, metavar='N',
            help=f'{text}, at least {low} (default: %(default)s)',
        )  # fmt: skip
    return parser.parse_args()


def read_request(args: argparse.Namespace) -> dict:
    """The settings asked for, as they are kept in the annotation files.

    Raises:
        RequestError: A number is out of range, or ``--out`` cannot be ours.
    """
    for name, (_, low, high, _) in NUMBERS.items():
        value = getattr(args, name)
        if not low <= value <= high:
            raise RequestError(f'--{name} {value}: give a number from {low} to {high}')
    if args.out.exists() and not read_settings(args.out):
        raise RequestError(
            f'--out {args.out} exists and was not made by this script: remove it or '
            'name another folder'
        )
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f'--out {args.out}: {error}') from error
    return {'version': VERSION} | {name: getattr(args, name) for name in NUMBERS}


def read_settings(folder: Path) -> dict:
    """The settings a data set was built with; {} if it is not one of ours."""
    try:
        text = (folder / 'annotations' / 'instances_val.json').read_text()
        info = json.loads(text)['info']
        return info['settings'] if info['description'] == MADE_BY else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def describe(mask: np.ndarray) -> dict:
    """The part of a COCO annotation that follows from a mask (H, W) bool."""
    rle = mask_util.encode(np.asfortranarray(mask, dtype=np.uint8))
    return dict(
        segmentation=dict(size=rle['size'], counts=rle['counts'].decode()),
        bbox=mask_util.toBbox(rle).tolist(),
        area=int(mask.sum()),
        iscrowd=0,
    )


def build_split(folder: Path, split: str, settings: dict, bar: Bar) -> None:
    """Write the images and the annotation file of a split."""
    images, annotations = [], []
    (folder / split).mkdir(parents=True)
    for number in range(settings[split]):
        image, digits = compose.draw_sample(
            split, number, settings['seed'], settings['size']
        )
        name = f'{number:05d}.png'
        if not cv2.imwrite(str(folder / split / name), image[..., ::-1]):
            raise OSError(f'{folder / split / name} could not be written')
        height, width = image.shape[:2]
        images.append(dict(id=number, file_name=name, height=height, width=width))
        for index, mask in digits:
            ids = dict(id=len(annotations) + 1, image_id=number, digit_index=index)
            category = dict(category_id=int(compose.load_digits().target[index]) + 1)
            annotations.append(ids | category | describe(mask))
        bar.update()
    coco = dict(
        info=dict(description=MADE_BY, settings=settings),
        images=images,
        annotations=annotations,
        categories=[dict(id=i, name=name) for i, name in enumerate(NAMES, 1)],
    )
    (folder / 'annotations').mkdir(exist_ok=True)
    path = folder / 'annotations' / f'instances_{split}.json'
    path.write_text(json.dumps(coco) + '\n')


def main() -> None:
    args = parse_args()
    settings = read_request(args)
    if args.out.exists() and read_settings(args.out) == settings:
        print(f'{args.out}: already built with these settings')
        return
    with (
        tempfile.TemporaryDirectory(dir=args.out.parent, prefix='.digits-') as scratch,
        progress(args.train + args.val, 'images') as bar,
    ):
        folder = Path(scratch) / 'new'
        for split in compose.SPLITS:
            build_split(folder, split, settings, bar)
        # In place only when whole; the old one is removed with the temporary folder.
        if args.out.exists():
            args.out.rename(Path(scratch) / 'old')
        folder.rename(args.out)
    print(f'{args.out}: {args.train} training and {args.val} validation images')


if __name__ == '__main__':
    sys.exit(exit_status(main))
