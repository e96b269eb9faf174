"""What the report says, beside numbers from elsewhere."""

import csv
import json
from io import StringIO

import numpy as np
import pytest
from mmengine.config import Config
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from report_runs import add_attention, data_of, make_file, make_truth, make_work_dir

from eca_mm.report.content import Cell
from eca_mm.report.differences import differing_settings
from eca_mm.report.page import cell_text, in_markdown
from eca_mm.report.write import write_report

REPLICATES = 40


def read_csv(path) -> list[dict]:
    return list(csv.DictReader(StringIO(path.read_text())))


@pytest.fixture(scope='module')
def compared(tmp_path_factory):
    """A report of two work dirs: the folder of the runs, and that of the report."""
    root = tmp_path_factory.mktemp('compared')
    coco = make_truth(root)
    make_work_dir(root, coco, 'plain', 1, 'faster_rcnn_r50.py')
    make_work_dir(root, coco, 'eca', 2, 'eca_mask_rcnn_r50.py', backbone='ECAResNet')
    add_attention(root / 'eca')
    runs = [str(root / name) for name in ('plain', 'eca')]
    page = write_report(runs, root / 'out', replicates=REPLICATES, **data_of(root))
    assert page == root / 'out/index.html'
    return root, root / 'out'


def reference(root, name: str, kind: str) -> list[float]:
    """pycocotools' twelve figures; a mask has its own area, as in mmdet."""
    truth = COCO(str(root / 'ann.json'))
    rows = json.loads((root / name / f'predictions.{kind}.json').read_text())
    if kind == 'segm':
        rows = [{k: v for k, v in row.items() if k != 'bbox'} for row in rows]
    evaluation = COCOeval(truth, truth.loadRes(rows), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_scores_are_pycocotools(compared, kind):
    root, out = compared
    rows = read_csv(out / f'report_data/scores_{kind}.csv')
    values = {
        name: [float(row['value']) for row in rows if row['run'] == name]
        for name in ('plain', 'eca')
    }
    for name, found in values.items():
        np.testing.assert_allclose(found, reference(root, name, kind), atol=1e-12)
        assert 0.1 < found[0] < 0.9  # an empty set would be equal, too
    differences = [row['difference_value'] for row in rows]
    assert differences[:12] == [''] * 12  # the first run is the baseline
    np.testing.assert_allclose(
        np.array(differences[12:], float), np.subtract(values['eca'], values['plain'])
    )
    for row in rows:
        few = row['figure'][-1] in 'sml'  # of a size are too few objects
        assert few or float(row['low']) < float(row['high'])
        p = float(row['p_adjusted'] or 'nan')
        level = 0.05 if row['figure'] == 'AP' else 0.02
        assert bool(row['mark']) == (p < level)


def test_the_page_shows_the_same_numbers(compared):
    _, out = compared
    row = read_csv(out / 'report_data/scores_bbox.csv')[0]
    shown = f'{100 * float(row["value"]):.1f}'
    interval = f'{100 * float(row["low"]):.1f} to {100 * float(row["high"]):.1f}'
    assert f'| plain | {shown} ({interval}) |' in (out / 'report.md').read_text()
    html = (out / 'index.html').read_text()
    assert f'data-order="{row["value"]}">{shown}<small>{interval}</small>' in html
    for name in ('plain', 'eca'):
        assert f'</i>{name}</span>' in html
    verdict = [
        line for line in html.splitlines() if 'eca against plain, box AP' in line
    ]
    assert len(verdict) == 1
    marked = read_csv(out / 'report_data/scores_bbox.csv')[12]['mark']
    assert ('exceeds the noise' in verdict[0]) == bool(marked)


def test_costs_and_curves_come_from_the_logs(compared):
    data = compared[1] / 'report_data'
    for row in read_csv(data / 'cost.csv'):
        # 40 iterations of half a second, 2048 MiB
        assert float(row['iteration']) == 0.5 and float(row['memory']) == 2
        assert float(row['hours']) == pytest.approx(20 / 3600)
    points = {
        (row['run'], row['figure'], row['iteration']): float(row['value'])
        for row in read_csv(data / 'training.csv')
    }
    assert points['eca', 'bbox_mAP', '40'] == 25
    assert points['plain', 'loss_cls', '20'] == 1


def test_pictures_and_attention_are_inside(compared):
    html = (compared[1] / 'index.html').read_text()
    # 6 images are on the disk: 4 worst and 2 best, of 2 runs, of boxes and masks
    assert html.count('src="data:image/jpeg;base64,') == 6 * 2 * 2
    assert html.count('src="data:image/png;base64,') == 1
    assert '<h3>eca: gates</h3><p class="reading">The gates.</p>' in html


def test_every_figure_has_its_sentence_and_its_numbers(compared):
    _, out = compared
    html = (out / 'index.html').read_text()
    readings = html.split('<p class="reading">')[1:]
    assert len(readings) >= 20
    assert all(text.partition('</p>')[0].endswith('.') for text in readings)
    names = {path.stem for path in (out / 'report_data').glob('*.csv')}
    kinds = (
        'scores',
        'classes',
        'curves',
        'errors',
        'confusion',
        'calibration',
        'images',
    )
    assert names >= {f'{name}_{kind}' for name in kinds for kind in ('bbox', 'segm')}
    assert names >= {'cost', 'training', 'runs', 'settings'}
    summary = json.loads((out / 'report_data/summary.json').read_text())
    assert summary['replicates'] == REPLICATES and summary['seed'] == 0


def test_settings_that_differ():
    configs = {
        'a': Config(dict(lr=0.1, steps=[1, 2], m=[dict(t='X'), 3], work_dir='a')),
        'b': Config(dict(lr=0.1, steps=[1, 3], m=[dict(t='Y'), 3], work_dir='b')),
        'c': Config(dict(lr=0.1, steps=[1, 2], m=[dict(t='X')], extra={})),
    }
    assert differing_settings(configs) == [
        dict(setting='steps', a='[1, 2]', b='[1, 3]', c='[1, 2]'),
        dict(setting='m.0.t', a="'X'", b="'Y'", c="'X'"),
        dict(setting='m.1', a='3', b='3', c='–'),
        dict(setting='extra', a='–', b='–', c='{}'),
    ]


def test_settings_in_the_report(compared):
    rows = read_csv(compared[1] / 'report_data/settings.csv')
    assert {row['setting'] for row in rows} == {'model.backbone.type', 'model.lr'}


def test_result_files_alone(tmp_path):
    """No config, no log, no image: what is not known is left out. And odd names."""
    coco = make_truth(tmp_path, images=8)
    path = make_file(tmp_path, coco, 'x', 1)
    page = write_report(
        [f'<i>$1$={path}'], tmp_path / 'out', ann=tmp_path / 'ann.json', replicates=5
    )
    html = page.read_text()
    assert '<h2>Scores</h2>' in html and '<h2>Cost and training</h2>' not in html
    assert '&lt;i&gt;$1$' in html and '<i>$1$' not in html
    assert 'against' not in (tmp_path / 'out/report.md').read_text()


def test_markdown_cells_cannot_end_a_table():
    cell = Cell('a|b\nc', note='1\n2', mark='worse')
    assert in_markdown(cell_text(cell)) == r'a\|b c ▼ (1; 2)'
