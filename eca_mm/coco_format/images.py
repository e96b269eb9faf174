"""Sizes and file names of the images in a COCO file."""

from collections import Counter

from .entries import Entries, outside

# OpenCV's own limits: it decodes no image beyond them.
LONGEST_SIDE = 2**20
MOST_PIXELS = 2**30
SIZES = 'write the size of each image file into the annotations'


def check_sizes(images: Entries, masks_evaluated: bool) -> None:
    """Reject sizes that no image has."""
    for field in ('height', 'width'):
        wrong = outside(images.column(field), 1, LONGEST_SIDE)
        images.error(wrong, f'have a {field} beyond 1 to 2^20 pixels', SIZES)
        broken = [i for i, size in enumerate(images.column(field)) if size != int(size)]
        images.error(broken, f'have a {field} that is not a whole number', SIZES)
        floats = [i for i, v in enumerate(images.column(field)) if type(v) is float]
        tell = images.error if masks_evaluated else images.warn
        tell(floats, f'have a {field} such as 640.0 in place of 640', SIZES)
    sizes = zip(images.column('height'), images.column('width'), strict=True)
    large = [
        i for i, (height, width) in enumerate(sizes) if height * width > MOST_PIXELS
    ]
    images.error(large, 'have more than 2^30 pixels', 'cut them into tiles')


def check_names(images: Entries) -> None:
    """File names: fit for a file system, and each once."""
    unfit = [
        i for i, name in enumerate(images.column('file_name')) if not is_name(name)
    ]
    images.error(unfit, 'have a file_name that no file can have', 'name the image file')
    names = images.column('file_name')
    counts = Counter(names) if len(set(names)) < len(names) else {}
    twice = [i for i, name in enumerate(names) if counts.get(name, 1) > 1]
    images.warn(
        twice,
        'share their file with another, and are read once for each',
        'make them one image with all its annotations',
    )


def is_name(name: str) -> bool:
    """Whether a file system can have it: JSON can say \ud800, and no encoding can."""
    try:
        return b'\0' not in name.encode() and name != ''
    except UnicodeEncodeError:
        return False
