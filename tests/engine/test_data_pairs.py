"""What the check says of data that can be read and still is not what it should be."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from eca_mm.engine.preflight.data import data_findings
from eca_mm.findings import ERROR, NOTE, WARNING

CLASSES = ('cell', 'disc')


def data_set(seed: int = 0) -> dict:
    """Twelve objects of two classes in six images, near their top left."""
    rng = np.random.default_rng(seed)
    objects = [
        dict(
            id=i + 1, image_id=1 + i // 2, category_id=1 + i % 2, iscrowd=0, area=w * h,
            bbox=[x, y, w, h], segmentation=[[x, y, x + w, y, x + w, y + h]],
        )
        for i, (x, y, w, h) in enumerate(rng.integers(8, 30, (12, 4)).tolist())
    ]  # fmt: skip
    images = [
        dict(id=i, file_name=f'{i}.png', width=64, height=64) for i in range(1, 7)
    ]
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(CLASSES)]
    return dict(images=images, annotations=objects, categories=categories)


@pytest.fixture
def root(tmp_path) -> Path:
    """Images, and the same annotations for training and validation."""
    for name in ('train', 'val'):
        (tmp_path / f'{name}.json').write_text(json.dumps(data_set()))
        (tmp_path / name).mkdir()
        for i in range(1, 7):
            image = np.full((64, 64, 3), i, np.uint8)
            cv2.imwrite(str(tmp_path / name / f'{i}.png'), image)
    return tmp_path


def config(root: Path, **changes) -> dict:
    """The parts of a config that are about data; ``changes`` to the training set."""
    sets = {
        split: dict(
            type='CocoDataset', data_root=str(root), ann_file=f'{split}.json',
            data_prefix=dict(img=split), test_mode=split == 'val',
            metainfo=dict(classes=CLASSES), pipeline=[],
        )
        for split in ('train', 'val')
    }  # fmt: skip
    sets['train'].update(changes)
    return dict(
        {f'{split}_dataloader': dict(dataset=sets[split]) for split in sets},
        val_evaluator=dict(type='FastCocoMetric', ann_file=str(root / 'val.json')),
    )


class Settings(dict):
    """Attributes as of a mmengine config."""

    model: dict = {}


def findings(cfg: dict) -> list[tuple[str, str]]:
    found = data_findings(Settings(cfg), ('train', 'val'), full=False, progress=False)
    return [(f.level, f.line()) for f in found if f.level != NOTE]


def edited(root: Path, name: str, change) -> None:
    coco = data_set()
    change(coco)
    (root / f'{name}.json').write_text(json.dumps(coco))


def of_all(part: str, **values):
    def change(coco: dict) -> None:
        for entry in coco[part]:
            for key, value in values.items():
                entry[key] = value(entry) if callable(value) else value

    return change


def corners(entry: dict) -> list:
    x, y, w, h = entry['bbox']
    return [x, y, x + w, y + h]


def some_crowds(coco: dict) -> None:
    for entry in coco['annotations'][:3]:
        entry['iscrowd'] = 1


def test_nothing_wrong(root):
    assert findings(config(root)) == []


IN_FILE = {
    'all crowds': (
        of_all('annotations', iscrowd=1), ERROR,
        'no object to train on: 12 of 12 are crowds or have "ignore" set',
    ),
    'all ignored': (of_all('annotations', ignore=1), ERROR, 'no object to train on'),
    'a quarter crowds': (some_crowds, WARNING, '3 of 12 are crowds or have "ignore"'),
    'corners': (
        of_all('annotations', bbox=corners), ERROR,
        'have a bbox that leaves the image (',
    ),
    'corners, named first': (
        of_all('annotations', bbox=corners), ERROR, 'corners [x1, y1, x2, y2] in the',
    ),
    'half an image': (of_all('images', width=30), ERROR, 'fix width and height'),
    'backslashes': (
        of_all('images', file_name=lambda e: f'a\\{e["file_name"]}'), ERROR,
        'as Windows writes: write "/"',
    ),
    'addresses': (
        of_all('images', file_name=lambda e: f'https://a.invalid/{e["id"]}.png'), ERROR,
        'file_name is a URL: download the images',
    ),
    'capital letters': (
        of_all('images', file_name=lambda e: f'{e["id"]}.PNG'), ERROR,
        '1.PNG (but 1.png), 2.PNG (but 2.png)',
    ),
    'another ending': (
        of_all('images', file_name=lambda e: f'{e["id"]}.jpg'), ERROR,
        '1.jpg (but 1.png)',
    ),
    'the folder twice': (
        of_all('images', file_name=lambda e: f'train/{e["id"]}.png'), ERROR,
        'leave the folder out of file_name',
    ),
    'a name too long': (
        of_all('images', file_name=lambda e: 'x' * 300 + e['file_name']), ERROR,
        'a file cannot have such a name',
    ),
    'just absent': (
        of_all('images', file_name=lambda e: f'other{e["id"]}.png'), ERROR,
        'do not belong together, or copy the files there',
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', IN_FILE)
def test_training_data(root, case):
    change, level, said = IN_FILE[case]
    edited(root, 'train', change)
    found = findings(config(root))
    assert [of for of, line in found if said in line] == [level], found
    # 'half an image' has images of another size, too
    others = [line for of, line in found if of == ERROR and said not in line]
    assert len(others) == (case == 'half an image'), found


def test_nothing_to_find(root):
    edited(root, 'val', of_all('annotations', iscrowd=1))
    ((level, line),) = [f for f in findings(config(root)) if 'to detect' in f[1]]
    assert level == ERROR and 'AP would be -1: set iscrowd to 0' in line


def other_objects(coco: dict) -> None:
    coco['annotations'] = data_set(1)['annotations']


def swapped(coco: dict) -> None:
    for entry, name in zip(coco['categories'], reversed(CLASSES), strict=True):
        entry['name'] = name


def one_object_more(coco: dict) -> None:
    coco['annotations'].append(dict(coco['annotations'][0], id=99, bbox=[1, 1, 9, 9]))


EVALUATOR = {
    'other objects': (other_objects, ERROR, '12 of 12 objects differ'),
    'classes swapped': (swapped, ERROR, 'labels are disc, cell and cell, disc'),
    'fewer images': (
        lambda coco: coco['images'].pop(), ERROR, '1 images are only in the second (6)'
    ),
    'more images': (
        lambda coco: coco['images'].append(coco['images'][0] | dict(id=7)),
        ERROR, '1 images are only in the first (7)',
    ),
    'other images': (
        of_all('images', file_name=lambda e: f'b{e["id"]}.png'), ERROR,
        '6 images have other names, such as b1.png and 1.png',
    ),
    'an object more': (one_object_more, WARNING, '1 of 13 objects differ'),
}  # fmt: skip


@pytest.mark.parametrize('case', EVALUATOR)
def test_evaluator_with_a_file_of_its_own(root, case):
    change, level, said = EVALUATOR[case]
    cfg = config(root)
    edited(root, 'truth', lambda coco: None)
    cfg['val_evaluator']['ann_file'] = str(root / 'truth.json')
    assert findings(cfg) == []
    edited(root, 'truth', change)
    ((of, line),) = [f for f in findings(cfg) if 'of the evaluator' in f[1]]
    assert of == level and said in line and 'the same ann_file' in line


def test_a_data_set_without_annotations_or_of_some_images_is_no_other_file(root):
    cfg = config(root)
    edited(root, 'truth', lambda coco: None)
    cfg['val_evaluator']['ann_file'] = str(root / 'truth.json')
    edited(root, 'val', lambda coco: coco['annotations'].clear())
    assert findings(cfg) == []
    cfg['val_dataloader']['dataset']['indices'] = 3
    edited(root, 'truth', lambda coco: coco['images'].append(
        dict(coco['images'][0], id=7, file_name='7.png')
    ))  # fmt: skip
    assert findings(cfg) == []


def test_validation_on_the_training_data(root):
    cfg = config(root, ann_file='val.json', data_prefix=dict(img='val'))
    ((level, line),) = findings(cfg)
    assert level == WARNING and 'val.json is trained on and evaluated' in line
    cfg['val_dataloader']['dataset']['indices'] = [0, 1]
    assert findings(cfg) == []


def test_classes_that_are_a_text(root, tmp_path):
    cfg = config(root, metainfo=dict(classes='cell'))
    ((level, line),) = findings(cfg)
    assert level == ERROR and "add a comma, classes=('cell',)" in line
    names = tmp_path / 'names.txt'
    names.write_text('cell\ndisc\n')
    assert findings(config(root, metainfo=dict(classes=str(names)))) == []
    names.write_text('disc\ncell\n')
    ((level, line),) = findings(config(root, metainfo=dict(classes=str(names))))
    assert level == ERROR and "label 0 is 'cell' in the annotations" in line
