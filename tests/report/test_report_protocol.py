"""The paper's rows in a report: under whom, and what is said instead."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from report_runs import data_of, make_truth, make_work_dir

from eca_mm.report import paper_rows, scores
from eca_mm.report.content import Note
from eca_mm.report.groups import read_groups
from eca_mm.report.material import gather
from eca_mm.report.scores import score_table
from eca_mm.report.training import training_section

REPO = Path(__file__).parents[2]


def gpus(count: int) -> dict:
    """What results.json has of 12 epochs of 117266 images, 2 a GPU and step."""
    return dict(world_size=count, iteration=-(-117266 * 12 // (2 * count)))


# Name: config, its changes, and what results.json has of the run.
RUNS = {
    'plain': ('faster_rcnn_r50', {}, gpus(4)),
    'tested': ('eca_mask_rcnn_r50', {}, dict(checkpoint='x.pth', world_size=1)),
    'early': ('eca_retinanet_r50', {}, gpus(4) | dict(iteration=14659)),
    'alone': ('faster_rcnn_r50', {}, gpus(1)),
    'clipped': (
        'se_retinanet_r50', {'optim_wrapper.clip_grad.max_norm': 10}, gpus(4)
    ),
    'old': ('retinanet_r50', {}, {}),
    'modern': ('modern/mask_rcnn_r50', {}, gpus(4)),
    'zoo': ('modern/faster_rcnn_r101', {}, gpus(8)),
    'small': ('faster_rcnn_r50', {'model.backbone.depth': 18}, gpus(4)),
}  # fmt: skip


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Work dirs of runs of the project's configs."""
    root = tmp_path_factory.mktemp('runs')
    coco = make_truth(root, images=8)
    for seed, (name, (config, changes, record)) in enumerate(RUNS.items()):
        folder = make_work_dir(root, coco, name, seed, 'config.py')
        cfg = Config.fromfile(REPO / f'configs/{config}.py')
        cfg.merge_from_dict(changes)
        # mmengine's dump lays it out, for seconds.
        lines = (f'{key} = {value!r}\n' for key, value in cfg.to_dict().items())
        (folder / 'config.py').write_text(''.join(lines))
        path = folder / 'results.json'
        path.write_text(json.dumps(json.loads(path.read_text()) | record))
    return root


@pytest.fixture(scope='module')
def material(root):
    return gather(
        read_groups([str(root / name) for name in RUNS]), None, **data_of(root),
        replicates=2, seed=0, step=lambda text: None,
    )  # fmt: skip


@pytest.fixture
def as_val2017(material, monkeypatch):
    """The stand-in's counts are taken for COCO val2017's."""
    counts = {key: len(material.annotations[key]) for key in paper_rows.VAL2017}
    monkeypatch.setattr(paper_rows, 'VAL2017', counts)


def beside(table, start: str) -> list[list[str]]:
    """The rows of a table that begin so: text and note, then the other cells."""
    return [
        [f'{first.text} ({first.note})', *(cell.text for cell in rest)]
        for first, *rest in table.rows
        if first.text.startswith(start)
    ]


def test_rows_stand_under_those_who_followed(material, as_val2017):
    """Tables 5 and 6 of the paper, typed again."""
    assert beside(score_table(material, 'bbox'), 'the paper') == [
        ['the paper (plain on COCO val2017)',
         '36.4', '58.2', '39.2', '21.8', '40.0', '46.2', '–'],
        ['the paper (training not checked) (tested on COCO val2017)',
         '39.0', '61.3', '42.1', '24.2', '42.8', '49.9', '–'],
    ]  # fmt: skip
    assert beside(score_table(material, 'segm'), 'the paper') == [
        ['the paper (training not checked) (tested on COCO val2017; masks by the size '
         'of their boxes)',
         '35.6', '58.1', '37.7', '17.6', '39.0', '51.8', '–'],
    ]  # fmt: skip
    costs = [b for b in training_section(material).blocks if b.kind == 'table']
    assert beside(costs[0], 'the paper') == [
        ['the paper (plain)', '–', '41.53', '207.07', '–', '–', '–', '–'],
        ['the paper (tested)', '–', '44.18', '275.69', '–', '–', '–', '–'],
    ]


def test_what_differs_is_named(material, as_val2017):
    table = paper_rows.protocol_table(paper_rows.standings(material))
    of_run = {name: {} for name in RUNS}
    for run, row, setting, found, paper in ([c.text for c in r] for r in table.rows):
        of_run[run] |= {setting: (found, paper), 'row': row}
    assert of_run['plain'] == of_run['tested'] == of_run['small'] == {}
    images, rate = 'Schedule: images in a step', 'Schedule: learning rate of that step'
    epochs = 'Schedule: epochs trained'
    assert of_run['alone'] == {
        'row': 'faster_rcnn_r50', images: ('2', '8'), rate: ('0.0025', '0.01')
    }  # fmt: skip
    assert of_run['clipped'] == {
        'row': 'se_retinanet_r50', 'Schedule: gradient clip': ('10', '35')
    }  # fmt: skip
    assert of_run['old'] == {
        'row': 'retinanet_r50',
        images: ('–', '8'), rate: ('–', '0.01'), epochs: ('–', '12'),
    }  # fmt: skip
    assert of_run['early'] == {'row': 'eca_retinanet_r50', epochs: ('1', '12')}
    assert of_run['modern']['RPN: box loss'] == ('L1Loss', 'SmoothL1Loss')
    assert of_run['modern']['R-CNN: its beta'] == ('–', '1')
    assert len(of_run['modern']) > 25


def test_the_zoos_figure_for_plain_models_by_its_rules(material, as_val2017):
    modern = (
        "MMDetection's zoo (modern, with images in a step 16, learning rate of that "
        'step 0.02)'
    )
    gaps = ['–'] * 6
    assert beside(score_table(material, 'bbox'), 'MMDet') == [
        [modern, '38.2', *gaps],
        ["MMDetection's zoo (zoo)", '39.4', *gaps],
    ]
    assert beside(score_table(material, 'segm'), 'MMDet') == [[modern, '34.7', *gaps]]


def test_the_section_has_the_table(material, as_val2017, monkeypatch):
    monkeypatch.setattr(scores, 'interval_figure', lambda *a: Note([]))  # seconds
    blocks = scores.scores_section(material).blocks
    assert [b.name for b in blocks if b.kind == 'table'] == [
        'scores_bbox', 'luck_bbox', 'scores_segm', 'luck_segm', 'protocol',
    ]  # fmt: skip


def test_other_data_have_no_row(material):
    """The same runs on data that are not val2017, by their counts."""
    assert paper_rows.standings(material) == []
    assert paper_rows.protocol_table([]) is None
    names = [row[0].text for row in score_table(material, 'bbox').rows]
    assert names == [*RUNS, 'images with objects']


def test_val2017_by_its_counts():
    coco = dict(images=[0] * 5000, annotations=[0] * 36781, categories=[0] * 80)
    assert paper_rows.is_val2017(coco)
    for part in coco:
        assert not paper_rows.is_val2017(coco | {part: coco[part][1:]})
    assert not paper_rows.is_val2017({})
