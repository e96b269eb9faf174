"""docs/reproduction.md is made from the yaml files; its figures by hand."""

import re
import subprocess
import sys

import pytest

from eca_mm.paper import config_name, load_table
from eca_mm.paper.protocol import all_settings
from eca_mm.paper.reproduction import (
    TABLES,
    cost_of,
    is_shared,
    renewed,
    settings_table,
    value_text,
)


@pytest.fixture
def page(repo) -> str:
    return (repo / 'docs/reproduction.md').read_text()


def test_page_is_made_from_the_tables(page):
    assert renewed(page) == page
    assert sorted(re.findall(r'<!-- (\w+): made by', page)) == sorted(TABLES)
    spoilt = page.replace(
        '| `faster_rcnn_r50` | 36.4 |', '| `faster_rcnn_r50` | 37.4 |'
    )
    assert spoilt != page and renewed(spoilt) == page


def test_rows_by_hand(page):
    for row in (
        '| images in a step | 16 | 8 | 8; `syncbn_*`: 16 | 16 |  '
        '| configs, paper, gcnet |',
        '| warm-up from | 1/3 |  | 1/3 | 0.001 | nothing | configs, notes |',
        '| low-quality matches | yes | yes | no (Faster R-CNN); yes (Mask R-CNN) '
        '| box +0.1 | code, notes, wheel |',
        '| `mask_rcnn_r101` | 39.4 | 35.9 | 40.0 | 36.1 |',
        '| `eca_retinanet_r50` | 37.3 |  | – |  |',
        '| `syncbn_gc_mask_rcnn_r50` | 39.4 | 35.7 | – | – |',
    ):
        assert f'\n{row}\n' in page


def test_every_setting_has_its_place():
    lines = settings_table().splitlines()
    heads = [line for line in lines if set(line) == {'|', '-'}]
    rows = sum(line.startswith('|') for line in lines) - 2 * len(heads)
    assert rows == sum(not is_shared(setting) for setting in all_settings())


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (1 / 9, '1/9'), (0.3333333333, '1/3'), (0.11, '0.11'), (1.0, '1'), (501, '501'),
        (None, 'none'), (True, 'yes'), ('BN', '`BN`'), ([8, 11], '8, 11'),
        (dict(faster_rcnn=0, mask_rcnn=0, retinanet=1),
         '0 (Faster R-CNN, Mask R-CNN); 1 (RetinaNet)'),
    ],
)  # fmt: skip
def test_values_as_text(value, text):
    assert value_text(value) == text


def test_cost_by_hand():
    """207.07e9 x 2 x 3 operations, 117266 x 12 images, 1e13 a second: 48.6 hours."""
    (row,) = (r for r in load_table(5) if config_name(r) == 'faster_rcnn_r50')
    hours, size = cost_of(row)
    assert hours == pytest.approx(1.24242e12 * 1407192 / 1e13 / 3600)
    # weights and momentum of 41.53 million parameters, 4 bytes each, 12 times
    assert size == pytest.approx(3.98688)


def test_command_writes_the_page(repo, page, tmp_path):
    path = tmp_path / 'page.md'
    path.write_text(
        re.sub(r'(made by .*? -->\n).*?(<!-- end)', r'\1\2', page, flags=16)
    )
    command = [sys.executable, '-W', 'ignore', '-m', 'eca_mm.paper.reproduction', path]
    subprocess.run(command, check=True, cwd=repo)
    assert path.read_text() == page
