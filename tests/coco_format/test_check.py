"""Each fault of a COCO file is told, and boxes that mmdet drops are those it drops."""

import numpy as np
import pytest
from mmdet.datasets import CocoDataset

from eca_mm.coco_format import check_coco, read_coco
from eca_mm.findings import ERROR, WARNING

POLYGON = [[10, 10, 30, 10, 30, 30, 10, 30]]


def small_set() -> dict:
    annotations = [
        dict(
            id=i, image_id=1 + i % 2, category_id=3, bbox=[10, 10, 20, 20], area=400,
            iscrowd=0, segmentation=POLYGON,
        )
        for i in range(1, 5)
    ]  # fmt: skip
    images = [
        dict(id=i, file_name=f'{i}.jpg', height=40, width=50) for i in range(1, 4)
    ]
    categories = [dict(id=3, name='cat'), dict(id=4, name='dog')]
    return dict(images=images, annotations=annotations, categories=categories)


def test_nothing_wrong():
    for masks in (False, True):
        findings, sound = check_coco(small_set(), masks, evaluated=True)
        assert findings == []
        assert sound == small_set()


def change(part: str, field: str, value):
    """Set a field of the second entry; ... removes it."""

    def of(coco: dict) -> None:
        if value is ...:
            del coco[part][1][field]
        else:
            coco[part][1][field] = value

    return of


A, I, C = 'annotations', 'images', 'categories'  # noqa: E741
RUNS = dict(size=[40, 50], counts=[500, 20, 1480])
FAULTS = [  # change, level, what is said
    (change(A, 'bbox', ...), ERROR, '1 of 4 lack bbox (id 2)'),
    (change(A, 'bbox', [1, 2, 3]), ERROR, 'not 4 finite numbers'),
    (change(A, 'bbox', [1, 2, float('nan'), 4]), ERROR, 'not 4 finite numbers'),
    (change(A, 'bbox', [1, 2, 10**400, 4]), ERROR, 'not 4 finite numbers'),
    (change(A, 'bbox', ['1', 2, 3, 4]), ERROR, 'not 4 finite numbers'),
    (change(A, 'bbox', [True, 2, 3, 4]), ERROR, 'not 4 finite numbers'),
    (change(A, 'bbox', 'x'), ERROR, 'bbox that is not a list'),
    (change(A, 'bbox', [1, 2, 0, 4]), WARNING, 'below 1 pixel'),
    (change(A, 'bbox', [60, 2, 5, 4]), WARNING, 'beside the image'),
    (change(A, 'bbox', [45, 2, 9, 4]), WARNING, 'reaches out'),
    (change(A, 'area', float('inf')), ERROR, 'not a finite number'),
    (change(A, 'area', 0), WARNING, 'no area'),
    (change(A, 'image_id', 77), WARNING, 'image_id that is not among'),
    (change(A, 'category_id', 77), WARNING, 'category_id that is not among'),
    (change(A, 'category_id', [3]), ERROR, 'category_id that is not a whole number'),
    (change(A, 'id', 1), ERROR, '2 of 4 share their id'),
    (change(A, 'id', 'x'), ERROR, 'not a whole number'),
    (change(A, 'id', 0), WARNING, 'never counts as found'),
    (change(A, 'iscrowd', ...), ERROR, 'lack iscrowd'),
    (change(A, 'iscrowd', '0'), ERROR, 'neither 0 nor 1'),
    (change(A, 'iscrowd', 1), WARNING, 'a crowd with polygons'),
    (change(A, 'segmentation', ...), ERROR, 'no segmentation'),
    (change(A, 'segmentation', [1, 2, 3, 4, 5, 6]), ERROR, 'neither polygons nor run'),
    (change(A, 'segmentation', [[1, 2, 3, 4]]), ERROR, 'below 3 points'),
    (change(A, 'segmentation', [[1, 2, 3, 4, 5, 6, 7]]), ERROR, 'odd length'),
    (change(A, 'segmentation', [[1, 2, 3, 4, 1e9, 6]]), ERROR, 'far out'),
    (change(A, 'segmentation', [[1, 2, 3, 4, 10**400, 6]]), ERROR, 'far out'),
    (change(A, 'segmentation', RUNS | {'size': [50, 40]}), ERROR, 'do not fill'),
    (change(A, 'segmentation', RUNS | {'counts': [500, 20]}), ERROR, 'do not fill'),
    (change(A, 'segmentation', RUNS | {'counts': '12`'}), ERROR, 'do not fill'),
    (change(I, 'height', -1), ERROR, 'height beyond'),
    (change(I, 'height', '40'), ERROR, 'height that is not a number'),
    (change(I, 'width', 50.0), ERROR, '640.0'),
    (change(I, 'width', 50.5), ERROR, 'not a whole number'),
    (change(I, 'file_name', '\ud800'), ERROR, 'no file can have'),
    (change(I, 'file_name', '1.jpg'), WARNING, 'share their file'),
    (change(I, 'id', 1), ERROR, '2 of 3 share their id'),
    (change(C, 'id', 3), ERROR, '2 of 2 share their id'),
    (change(C, 'name', None), ERROR, 'name that is not text'),
]


@pytest.mark.parametrize('case', range(len(FAULTS)))
def test_each_fault_is_told_once(case):
    fault, level, said = FAULTS[case]
    coco = small_set()
    fault(coco)
    findings, sound = check_coco(coco, masks=True, evaluated=True)
    found = [f for f in findings if said in f.what]
    assert [f.level for f in found] == [level], findings
    assert found[0].remedy
    others = [f for f in findings if f not in found and f.level == ERROR]
    assert not others


def test_runs_that_fit_are_fine():
    coco = small_set()
    coco['annotations'][1]['segmentation'] = RUNS
    assert check_coco(coco, masks=True, evaluated=True)[0] == []


def test_what_only_an_evaluation_or_masks_need():
    coco = small_set()
    del coco['annotations'][1]['iscrowd']
    coco['annotations'][2]['segmentation'] = [[1, 2, 3]]
    assert check_coco(coco)[0] == []
    (short,) = check_coco(coco, masks=True)[0]
    assert short.level == WARNING


def test_dropped_boxes_are_those_that_mmdet_drops():
    rng = np.random.default_rng(0)
    coco = small_set()
    coco['annotations'] = [
        dict(
            id=i + 1, image_id=1, category_id=3, area=float(rng.integers(-1, 4)),
            bbox=rng.uniform((-40, -40, -3, -3), (70, 60, 20, 20)).tolist(),
        )
        for i in range(500)
    ]  # fmt: skip
    findings, _ = check_coco(coco)
    told = sum(int(f.what.split()[0]) for f in findings if 'leaves them out' in f.what)
    dataset = CocoDataset(data_prefix=dict(img=''), lazy_init=True)
    dataset.cat_ids, dataset.cat2label = [3, 4], {3: 0, 4: 1}
    info = dataset.parse_data_info(
        dict(
            raw_img_info=dict(coco['images'][0], img_id=1),
            raw_ann_info=coco['annotations'],
        )
    )
    assert 100 < told == 500 - len(info['instances'])


@pytest.mark.parametrize(
    ('content', 'said'),
    [(b'\xef\xbb\xbf{}', 'BOM'), (b'{"images": ', 'not valid JSON'),
     ('{}'.encode('utf-16'), 'not valid JSON'), (b'[' * 10**5, 'nested too deeply'),
     (b'[]', 'no object'), (b'{}', 'no list of images')],
)  # fmt: skip
def test_unreadable_files(tmp_path, content, said):
    path = tmp_path / 'a.json'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_coco(path)
