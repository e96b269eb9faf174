"""Make COCO files from images labelled in Pascal VOC's XML or YOLO's text format.

supervision (pip install supervision) reads the labels: it counts VOC's pixels from 1,
keeps images without objects, and takes sizes from the images. This adds what it leaves
out: splits with one order of classes, VOC's "difficult", and a check of the outcome.
"""

import argparse
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import labels
import splits
import voc

from eca_mm.coco_format import check_coco
from eca_mm.engine import RequestError, exit_status
from eca_mm.files import replaced
from eca_mm.findings import ERROR

EPILOG = """\
DIR gets train.json and val.json, or a file for each --split. What training or
evaluation could not use is told, and exit status is then 2.

examples:
  python projects/own_data/convert.py raw/images raw/xml --out data/pets
  python projects/own_data/convert.py VOC/JPEGImages VOC/Annotations --out data/voc \\
      --split train VOC/ImageSets/Main/train.txt --split val VOC/ImageSets/Main/val.txt
  python projects/own_data/convert.py yolo/images/train yolo/labels/train \\
      --yaml yolo/data.yaml --out data/pets --split train
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('images', type=Path, metavar='IMAGES', help='folder with the images in it')
    add('labels', type=Path, metavar='LABELS',
        help='folder of .xml (VOC) or .txt files (YOLO) of the same names')  # fmt: skip
    add('--out', type=Path, required=True, metavar='DIR', help='where the files go')
    add('--yaml', type=Path, metavar='FILE',
        help='labels are YOLO\'s, and their names are in its data.yaml')  # fmt: skip
    add('--classes', nargs='+', metavar='NAME',
        help='VOC classes to keep, in this order (default: all, sorted)')  # fmt: skip
    add('--split', nargs='+', action='append', metavar='WORD',
        help='a NAME, or a NAME and a file with an image\'s name in each line: only '
        'these; may be repeated (default: train and val, drawn)')  # fmt: skip
    add('--val-share', type=float, default=0.2, metavar='S',
        help='of the images, if splits are drawn (default: %(default)s)')  # fmt: skip
    add('--seed', type=int, default=0, metavar='N', help='of the draw (default: 0)')
    add('--zero-based', action='store_true',
        help='VOC files count pixels from 0, as some tools write them')  # fmt: skip
    add('--keep-difficult', action='store_true',
        help='learn and count what VOC calls difficult (default: COCO\'s crowds, not '
        'counted, and no background if the config has ignore_iof_thr)')  # fmt: skip
    add('--masks', action='store_true',
        help='keep polygons, for Mask R-CNN (default: their boxes only)')  # fmt: skip
    add('--force', action='store_true', help='replace files that are there')
    args = parser.parse_args()
    check_input(args)
    splits.check_splits(args.split or [])
    check_output(args)
    return args


def check_input(args: argparse.Namespace) -> None:
    """Raise RequestError for what is wrong at first sight."""
    for folder in (args.images, args.labels):
        if not folder.is_dir():
            raise RequestError(f'{folder} is no folder')
    if args.yaml and (args.classes or args.zero_based or args.keep_difficult):
        raise RequestError('--yaml is for YOLO: leave --classes and the like out')
    if args.yaml and not args.yaml.is_file():
        raise RequestError(f'--yaml {args.yaml}: there is no such file')
    if not args.yaml and not labels.files_of(args.labels, '.xml'):
        raise RequestError(f'{args.labels} has no .xml; for YOLO add --yaml data.yaml')
    labels.require_once(args.classes or [], '--classes')
    if not 0 < args.val_share < 1:
        raise RequestError(f'--val-share {args.val_share}: give one between 0 and 1')


def check_output(args: argparse.Namespace) -> None:
    """Raise RequestError for a file that is there, or that cannot be."""
    folder = args.out
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise RequestError(f'--out {args.out}: {folder} is no folder to write to')
    for name, *_ in args.split or (['train'], ['val']):
        path = args.out / f'{name}.json'
        if path.exists() and not args.force:
            raise RequestError(f'{path} is there already: --force replaces it')


def read(args: argparse.Namespace):
    """All images as a supervision.DetectionDataset, and VOC's marks by their names."""
    folders = args.images, args.labels
    if args.yaml:
        marks, classes = {}, labels.yolo_names(args.yaml)
        found = labels.load('yolo', *folders, args.yaml, masks=args.masks)
    else:
        marks = voc.read_marks(args.labels, args.images, args.zero_based)
        found = labels.load('voc', *folders, masks=args.masks)
        classes = voc.as_told(found, marks, args.classes, not args.keep_difficult)
        if args.zero_based:
            voc.count_from_zero(found)
    return labels.library().DetectionDataset(classes, list(found), found), marks


def write(split, path: Path, ids: tuple[int, int]) -> tuple[dict, tuple[int, int]]:
    """Write a COCO file; returns its content and the ids that the next one begins with.

    supervision writes a licence (CC BY) and the time, which it cannot know.
    """
    with replaced(path) as temporary:
        ids = split.as_coco(
            annotations_path=str(temporary),
            starting_image_id=ids[0],
            starting_annotation_id=ids[1],
        )
        coco = json.loads(temporary.read_text())
        del coco['licenses']
        for image in coco['images']:
            del image['license'], image['date_captured']
        temporary.write_text(json.dumps(coco) + '\n')
    return coco, ids


def tell(coco: dict, path: Path) -> int:
    """Say what is in a file and what is wrong with it; returns the number of errors."""
    names = {entry['id']: entry['name'] for entry in coco['categories']}
    objects = Counter(names[entry['category_id']] for entry in coco['annotations'])
    seen = {entry['image_id'] for entry in coco['annotations']}
    counts = ', '.join(f'{objects[name]} {name}' for name in names.values())
    empty = len(coco['images']) - len(seen)
    print(f'{path}: {len(coco["images"])} images ({empty} without objects), {counts}')
    findings, _ = check_coco(coco, evaluated=path.stem != 'train')
    for finding in findings:
        print(f'{finding.level}: {path.name}: {finding.line()}', file=sys.stderr)
    return sum(finding.level == ERROR for finding in findings)


def config_lines(args: argparse.Namespace, names: list[str], classes: list) -> str:
    """What the config at hand needs; out may be a link, whose .. is elsewhere."""
    folder = os.path.relpath(args.images.resolve(), args.out.resolve())
    lines = [f'data_root = {f"{args.out}/"!r}']
    for name in names:
        lines.append(re.sub(r'\W', '_', name) + f'_images = {f"{folder}/"!r}')
    return '\n'.join([*lines, f'classes = {tuple(classes)!r}'])


def main() -> int:
    args = parse_args()
    found, marks = read(args)
    if args.split:
        chosen = splits.listed_splits(found, args.split)
    else:
        chosen = splits.drawn_splits(found, args.val_share, args.seed)
    ids, errors = (1, 1), 0
    for name, split in chosen.items():
        path = args.out / f'{name}.json'
        try:
            args.out.mkdir(parents=True, exist_ok=True)
            coco, ids = write(split, path, ids)
        except OSError as error:
            raise RequestError(f'{path} cannot be written: {error}') from error
        voc.tell_of_sizes(coco, marks)
        errors += tell(coco, path)
    print('for the config:', config_lines(args, [*chosen], found.classes), sep='\n')
    return 2 if errors else 0


if __name__ == '__main__':
    sys.exit(exit_status(main))
