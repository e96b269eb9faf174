"""projects/own_data/convert.py: what it rejects, warns of and leaves out."""

import json
import os

import pytest
from small_sets import draw, voc_image, voc_object, voc_set, yolo_set

HOLE = '0 .1 .1 .9 .1 .9 .9 .1 .9 .1 .2 .5 .2 .5 .5 .1 .5'  # turns back into itself
TWO_PARTS = '0 0 0 .25 0 .25 .5 0 0 .75 0 1 0 1 .5 .75 .5 .75 0'


def yolo_words(root) -> list:
    folders = [root / 'images/train', root / 'labels/train']
    return [*folders, '--yaml', root / 'data.yaml', '--out', root / 'out']


@pytest.fixture
def refused(convert, tmp_path):
    """Run in vain: the one line that says why, with nothing written."""

    def run(*words) -> str:
        status, _, error = convert(*words)
        last = error.splitlines()[-1]
        assert status == 2 and last.startswith('error: '), error
        assert not (tmp_path / 'out').exists() and 'Traceback' not in error
        return last

    return run


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--split', 'val', '--split', 'val', 'val.txt'], '--split val is there 2 '),
        (['--split', ''], "--split '': give a name"),
        (['--split', '..'], "--split '..': give a name"),
        (['--split', 'val', 'empty.txt'], 'it lists no image'),
        (['--split', 'val', 'latin.txt'], "latin.txt: 'utf-8' codec can't"),
        (['--classes', 'cat', 'cat'], '--classes cat is there 2 times'),
        (['--out', 'val.txt/deep/out'], 'val.txt is no folder to write to'),
        (['--out', 'images'], 'images/train.json is there already: --force'),
    ],
)
def test_wrong_requests(refused, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(voc_set(tmp_path))
    (tmp_path / 'empty.txt').write_text('\n \n')
    (tmp_path / 'latin.txt').write_bytes('é'.encode('latin-1'))
    (tmp_path / 'images/train.json').write_text('')
    assert said in refused('images', 'xml', '--out', 'out', *options)


def test_force_replaces(convert, tmp_path):
    root = voc_set(tmp_path)
    words = [root / 'images', root / 'xml', '--out', root / 'out', '--split', 'all']
    path = root / 'out/all.json'
    assert convert(*words)[0] == 0
    assert convert(*words)[0] == 2
    path.write_text('')
    assert convert(*words, '--force')[0] == 0 and json.loads(path.read_text())


def test_a_folder_that_cannot_be_written_to(refused, tmp_path, monkeypatch):
    """For root all can be written to: the answer of a system without a right to it."""
    root = voc_set(tmp_path)
    words = [root / 'images', root / 'xml', '--out', root / 'out']
    with monkeypatch.context() as patch:
        patch.setattr(os, 'access', lambda *_: False)
        assert 'is no folder to write to' in refused(*words)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('names: {1: dog, 2: cat}', 'numbers 1, 2, and need all from 0 to 1'),
        ('names: {0: dog, 2: cat}', 'numbers 0, 2, and need all from 0 to 1'),
        ('names: {dog: 0, cat: 1}', 'numbers dog, cat, and need'),
        ('names: [dog, cat, dog]', 'class dog is there 2 times'),
        ('names: [dog, no]', 'False is no name; put it into quotes'),
        ('path: .', 'needs names, such as'),
        ('names: [dog', "expected ',' or ']'"),
    ],
)
def test_wrong_names_of_yolo(refused, tmp_path, text, said):
    root = yolo_set(tmp_path)
    (root / 'data.yaml').write_text(text)
    last = refused(*yolo_words(root))
    assert said in last and 'data.yaml' in last


def test_names_of_yolo_in_any_order(convert, tmp_path):
    root = yolo_set(tmp_path)
    (root / 'data.yaml').write_text("names: {1: cat, '0': dog}", 'utf-8-sig')
    status, said, error = convert(*yolo_words(root), '--split', 'train')
    assert status == 0 and "classes = ('dog', 'cat')" in said, error


def test_polygons_of_yolo_are_boxes(convert, tmp_path):
    """Of 64x48: from a tenth to nine tenths, and the upper half. None is a crowd."""
    root = yolo_set(tmp_path)
    (root / 'labels/train/a.txt').write_text(f'{HOLE}\n{TWO_PARTS}\n1 .5 .5 .5 .5\n')
    for masks in ([], ['--masks', '--force']):
        status, _, error = convert(*yolo_words(root), '--split', 'train', *masks)
        assert status == 0, error
        found = json.loads((root / 'out/train.json').read_text())['annotations'][:3]
        boxes = [value for row in found for value in row['bbox']]
        assert boxes == pytest.approx(
            [6.4, 4.8, 51.2, 38.4, 0, 0, 64, 24, 16, 12, 32, 24], abs=1e-4
        )
        assert [row['iscrowd'] for row in found] == [0, 0, 0]
        assert [bool(row['segmentation']) for row in found] == [bool(masks)] * 3
        if not masks:
            areas = [51.2 * 38.4, 64 * 24, 32 * 24]
            assert [row['area'] for row in found] == pytest.approx(areas, abs=1e-2)


def test_many_are_read_a_few_at_a_time(convert, converter, tmp_path, monkeypatch):
    """Class ids of one part of the folder are not those of another."""
    root = voc_set(tmp_path)
    words = [root / 'images', root / 'xml', '--split', 'all', '--out']
    found = []
    for name, count in (('one', 64), ('other', 2)):
        monkeypatch.setattr(converter.labels, 'AT_ONCE', count)
        assert convert(*words, root / name)[0] == 0
        found.append((root / name / 'all.json').read_text())
    assert found[0] == found[1]


@pytest.mark.parametrize('kind', ['labelled', 'alone'])
def test_no_image(refused, tmp_path, kind):
    """d.png has no labels, so that they do not make the library open it."""
    root = voc_set(tmp_path)
    name = dict(labelled='e.png', alone='d.png')[kind]
    (root / 'images' / name).write_bytes(b'no image')
    last = refused(root / 'images', root / 'xml', '--out', root / 'out')
    assert str(root / 'images' / name) in last


def test_files_of_macos_are_passed_over(convert, tmp_path):
    root = voc_set(tmp_path)
    for path in ('images/._a.png', 'xml/._a.xml'):
        (root / path).write_bytes(b'\0\5\26\7')
    words = [root / 'images', root / 'xml', '--out', root / 'out', '--split', 'all']
    status, _, error = convert(*words)
    assert status == 0 and '._' not in error, error
    assert len(json.loads((root / 'out/all.json').read_text())['images']) == 5


@pytest.mark.parametrize(
    ('box', 'said'),
    [
        ((1, 1, 'nan', 9), "'nan' is no place in an image"),
        ((1, 'inf', 8, 9), "'inf' is no place in an image"),
        ((1, 1, 'x', 9), "could not convert string to float: 'x'"),
        ((1, 1, 9), 'no whole bndbox'),
        ((9, 9, 0, 12), '(0, 9) of object 1 is below 1'),
    ],
)
def test_wrong_corners(refused, tmp_path, box, said):
    root, text = voc_set(tmp_path), voc_object('cat', (*box, 9)[:4])
    if len(box) == 3:
        text = text.replace('ymax', 'bottom')
    voc_image(root, 'e.png', (64, 48), text)
    last = refused(root / 'images', root / 'xml', '--out', root / 'out')
    assert said in last and 'e.xml: ' in last


def test_two_images_of_one_name(refused, tmp_path):
    root = voc_set(tmp_path)
    draw(root / 'images/a.jpg', (64, 48))
    last = refused(root / 'images', root / 'xml', '--out', root / 'out')
    assert 'a.jpg and a.png have one name' in last


def test_a_label_without_image_names_no_class(convert, tmp_path):
    """Its class would be in the file with no object. Sizes may be written 64.0."""
    root = voc_set(tmp_path)
    voc_image(root, 'z.png', (9, 9), voc_object('ant', (1, 1, 5, 5)))
    (root / 'images/z.png').unlink()
    path = root / 'xml/a.xml'
    path.write_text(path.read_text().replace('<width>64<', '<width>64.0<'))
    words = [root / 'images', root / 'xml', '--out', root / 'out', '--split', 'all']
    status, said, error = convert(*words)
    assert status == 0 and 'labels without an image, left out: z' in error
    assert "classes = ('cat', 'dog')" in said and 'another size' not in error
