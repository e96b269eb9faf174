"""projects/own_data/convert.py: boxes and ids by hand, and what is rejected."""

import json
from pathlib import Path

import pytest
from small_sets import draw, voc_image, voc_object, voc_set, yolo_set

from eca_mm.coco_format import check_coco, read_coco


def rows(path: Path, *keys: str) -> list[tuple]:
    """Of each annotation the name of its image and class, and the given parts."""
    coco = read_coco(path)
    images = {image['id']: image['file_name'] for image in coco['images']}
    names = {entry['id']: entry['name'] for entry in coco['categories']}
    return [
        (images[row['image_id']], names[row['category_id']], *(row[k] for k in keys))
        for row in coco['annotations']
    ]


def test_voc(convert, tmp_path):
    """Pixels 1 to 64 have the edges 0 and 64: x = xmin - 1, w = xmax - xmin + 1."""
    root, out = voc_set(tmp_path), tmp_path / 'out'
    lists = ['--split', 'train', root / 'train.txt', '--split', 'val', root / 'val.txt']
    status, said, error = convert(root / 'images', root / 'xml', '--out', out, *lists)
    assert status == 0, error
    assert rows(out / 'train.json', 'bbox', 'area', 'iscrowd') == [
        ('a.png', 'dog', [0, 0, 64, 48], 64 * 48, 0),
        ('a.png', 'cat', [10, 5, 10, 20], 200, 1),  # difficult
    ]
    assert rows(out / 'val.json', 'bbox', 'iscrowd') == [
        ('c.JPG', 'cat', [4, 6, 40, 54], 0),
        ('e.png', 'cat', [2, 3, 38.5, 37], 0),
    ]
    train, val = (json.loads((out / f'{s}.json').read_text()) for s in ('train', 'val'))
    # No dog is in val: the labels are the same all the same.
    assert train['categories'] == val['categories']
    assert [(c['id'], c['name']) for c in val['categories']] == [(1, 'cat'), (2, 'dog')]
    sizes = [
        (i['id'], i['file_name'], i['width'], i['height']) for i in train['images']
    ]
    assert sizes == [(1, 'a.png', 64, 48), (2, 'b.png', 64, 48), (3, 'd.png', 64, 48)]
    assert [image['id'] for image in val['images']] == [4, 5]
    assert [row['id'] for row in train['annotations'] + val['annotations']] == [
        1,
        2,
        3,
        4,
    ]
    assert 'licenses' not in train and 'license' not in train['images'][0]
    assert '3 images (2 without objects), 1 cat, 1 dog' in said
    assert said.splitlines()[-5:] == [
        'for the config:',
        f"data_root = '{out}/'",
        "train_images = '../images/'",
        "val_images = '../images/'",
        "classes = ('cat', 'dog')",
    ]
    assert 'without labels, taken for images without objects: d\n' in error


def test_yolo(convert, tmp_path):
    """The middle (10, 10) of 40x20 and a size of (10, 10) are [5, 5, 10, 10]."""
    root = yolo_set(tmp_path)
    folders = (root / 'images/train', root / 'labels/train')
    words = ['--yaml', root / 'data.yaml', '--out', tmp_path, '--split', 'train']
    status, said, error = convert(*folders, *words)
    assert status == 0, error
    assert rows(tmp_path / 'train.json', 'bbox', 'area') == [
        ('c.png', 'dog', [0, 0, 40, 20], 800),
        ('c.png', 'cat', [5, 5, 10, 10], 100),
    ]
    coco = read_coco(tmp_path / 'train.json')
    assert [image['file_name'] for image in coco['images']] == [
        'a.png',
        'b.png',
        'c.png',
    ]
    assert [entry['name'] for entry in coco['categories']] == ['dog', 'cat', 'bird']
    assert "classes = ('dog', 'cat', 'bird')" in said
    findings, sound = check_coco(coco, evaluated=True)
    assert not findings and len(sound['annotations']) == 2


def test_options_of_voc(convert, tmp_path):
    root = voc_set(tmp_path)
    voc_image(root, 'e.png', (64, 48), voc_object('cat', (0, 0, 64, 48)))
    words = [root / 'images', root / 'xml', '--out', tmp_path / 'out']
    status, _, error = convert(*words)
    assert status == 2 and 'e.xml: (0, 0) of object 1 is below 1' in error
    assert not (tmp_path / 'out').exists()
    options = ['--zero-based', '--keep-difficult', '--classes', 'cat', '--split', 'all']
    status, _, error = convert(*words, *options)
    assert status == 0 and 'of other classes, left out: dog' in error
    assert rows(tmp_path / 'out/all.json', 'bbox', 'iscrowd') == [
        ('a.png', 'cat', [11, 6, 9, 19], 0),
        ('c.JPG', 'cat', [5, 7, 39, 53], 0),
        ('e.png', 'cat', [0, 0, 64, 48], 0),
    ]


def test_drawn_splits_are_the_same_again(convert, tmp_path):
    root, found = voc_set(tmp_path), []
    for name in ('one', 'other'):
        out = tmp_path / name
        words = [root / 'images', root / 'xml', '--out', out, '--val-share', 0.4]
        assert convert(*words)[0] == 0
        files = [(out / f'{split}.json').read_bytes() for split in ('train', 'val')]
        found.append(files)
    assert found[0] == found[1]
    train, val = ({i['file_name'] for i in json.loads(f)['images']} for f in found[0])
    assert not train & val and (len(train), len(val)) == (3, 2)


def test_what_the_check_finds_is_said(convert, tmp_path):
    """The file is written, since it is as the labels are."""
    path = voc_image(tmp_path, 'a.png', (64, 48), voc_object('cat', (9, 9, 99, 20)))
    path.write_text(path.read_text().replace('<width>64', '<width>128'))
    folders = [tmp_path / 'images', tmp_path / 'xml']
    status, _, error = convert(*folders, '--out', tmp_path, '--split', 'train')
    assert status == 2 and rows(tmp_path / 'train.json', 'bbox') == [
        ('a.png', 'cat', [8, 8, 91, 12])
    ]
    assert 'labelled at another size than the image has: a.png' in error
    last = error.splitlines()[-1]
    assert last.startswith('error: train.json: ') and 'leaves the image' in last


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda root: (root / 'xml/c.xml').write_text('<annotation>'), 'c.xml: '),
        (lambda root: voc_image(root, 'c.JPG', (9, 9), '<object/>'), 'has no name'),
        (lambda root: (root / 'images/c.JPG').write_bytes(b'no image'), 'c.JPG'),
        (lambda root: (root / 'val.txt').write_text('z'), 'no image is named z'),
        (lambda root: (root / 'xml').rename(root / 'texts'), 'xml is no folder'),
        (lambda root: (root / 'images').rename(root / 'i') and draw(
            root / 'images/z.png', (9, 9)), 'has no .xml with the name of an image'),
    ],
)  # fmt: skip
def test_refused(convert, tmp_path, change, said):
    """One line that names what is wrong, and nothing written."""
    root = voc_set(tmp_path)
    change(root)
    words = [root / 'images', root / 'xml', '--out', root / 'out']
    status, _, error = convert(*words, '--split', 'val', root / 'val.txt')
    last = error.splitlines()[-1]
    assert status == 2 and last.startswith('error: ') and said in last, error
    assert not (root / 'out').exists()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--classes', 'cow'], "no object is of class 'cow', but of cat, dog"),
        (['--yaml', 'none.yaml'], 'none.yaml: there is no such file'),
        (['--val-share', '1'], 'between 0 and 1'),
        (['--split', '../val'], 'give a name'),
        (['--split', 'val', 'none.txt'], 'there is no such file'),
    ],
)
def test_wrong_requests(convert, tmp_path, options, said):
    root = voc_set(tmp_path)
    words = [root / 'images', root / 'xml', '--out', root / 'out', *options]
    status, _, error = convert(*words)
    assert status == 2 and said in error.splitlines()[-1], error
    assert not (root / 'out').exists()


def test_a_class_that_yolo_does_not_name(convert, tmp_path):
    root = yolo_set(tmp_path)
    (root / 'labels/train/a.txt').write_text('3 0.5 0.5 1 1\n')
    folders = (root / 'images/train', root / 'labels/train')
    words = ['--yaml', root / 'data.yaml', '--out', tmp_path / 'out']
    status, _, error = convert(*folders, *words)
    last = error.splitlines()[-1]
    assert status == 2 and 'a.png' in last and 'class_id 3' in last
