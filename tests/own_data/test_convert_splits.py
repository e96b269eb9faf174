"""projects/own_data/convert.py: which images are where, and what it prints."""

import json
import os

from small_sets import draw, voc_set


def images_of(path) -> list[str]:
    return [image['file_name'] for image in json.loads(path.read_text())['images']]


def test_images_of_two_splits_are_named(convert, tmp_path):
    root = voc_set(tmp_path)
    (root / 'val.txt').write_text('e\nb\n')
    lists = ['--split', 'train', root / 'train.txt', '--split', 'val', root / 'val.txt']
    words = [root / 'images', root / 'xml', '--out', root / 'out', *lists]
    status, _, error = convert(*words)
    assert status == 0 and '1 images are in train and in val: b.png' in error


def test_lists_with_marks_spaces_and_a_bom(convert, tmp_path):
    """VOC's lists of a class have 1 or -1 behind the name."""
    root = voc_set(tmp_path)
    draw(root / 'images/my own cat.png', (9, 9))
    lines = '\ufeffa  1\nJPEGImages/my own cat.png \nc -1\nmy own cat\n'
    (root / 'val.txt').write_text(lines, encoding='utf-8')
    words = [root / 'images', root / 'xml', '--out', root / 'out']
    status, _, error = convert(*words, '--split', 'val', root / 'val.txt')
    assert status == 0, error
    found = images_of(root / 'out/val.json')
    assert found == ['a.png', 'c.JPG', 'my own cat.png']


def test_the_printed_folder_behind_a_link(convert, tmp_path):
    """`..` of a link is beside what it leads to; a quote is no end of a text."""
    root = voc_set(tmp_path / "Ann's")
    (tmp_path / 'disk/deep').mkdir(parents=True)
    (root / 'out').symlink_to(tmp_path / 'disk/deep')
    words = [root / 'images', root / 'xml', '--out', root / 'out', '--split', 'a-1']
    status, said, error = convert(*words)
    assert status == 0, error
    config = {}
    exec(said.partition('for the config:\n')[2], config)
    path = os.path.join(config['data_root'], config['a_1_images'], 'a.png')
    assert os.path.isfile(path) and config['classes'] == ('cat', 'dog')
