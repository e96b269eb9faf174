"""Which configs a comparison is of."""

import pytest
from mmengine.registry import HOOKS as HOOK_TYPES

from eca_mm.campaign import notes
from eca_mm.campaign.plan import Plan, digest, runs_in
from eca_mm.campaign.rows import RULES, Row, by_name, rows_of_detector, rows_of_table
from eca_mm.engine import RequestError
from eca_mm.report import ReportHook


@pytest.fixture
def configs(repo):
    return repo / 'configs'


def test_rows_of_the_papers_tables(configs):
    names = [row.name for row in rows_of_table(5, configs)]
    assert len(names) == 20
    assert names[:3] == ['faster_rcnn_r50', 'se_faster_rcnn_r50', 'eca_faster_rcnn_r50']
    masks = [row.name for row in rows_of_table(6, configs)]
    assert masks == [
        'mask_rcnn_r50', 'se_mask_rcnn_r50', 'nl_mask_rcnn_r50', 'gc_mask_rcnn_r50',
        'eca_mask_rcnn_r50', 'mask_rcnn_r101', 'se_mask_rcnn_r101',
        'eca_mask_rcnn_r101',
    ]  # fmt: skip
    assert rows_of_detector('mask_rcnn', configs) == rows_of_table(6, configs)
    retinas = [row.name for row in rows_of_detector('retinanet', configs)]
    assert retinas == [name for name in names if 'retinanet' in name]
    for rules in RULES.values():  # the same rows by either
        rows = rows_of_table(5, configs / rules)
        assert [row.name for row in rows] == names


def test_names_and_paths(configs, tmp_path, monkeypatch):
    (tmp_path / 'mine.py').write_text('a = 1')
    monkeypatch.chdir(tmp_path)
    found = by_name(['eca_faster_rcnn_r50', 'mine.py', 'other=mine.py'], configs)
    packaged = by_name(['x=eca_mm::faster_rcnn_r50.py', 'mine.py'], configs)[0]
    assert packaged == Row('x', configs / 'faster_rcnn_r50.py')
    assert found == [
        Row('eca_faster_rcnn_r50', configs / 'eca_faster_rcnn_r50.py'),
        Row('mine', tmp_path / 'mine.py'),
        Row('other', tmp_path / 'mine.py'),
    ]


@pytest.mark.parametrize(
    ('requests', 'said'),
    [
        (['eca_fastr_rcnn_r50'], "did you mean 'eca_faster_rcnn_r50'?"),
        (['zzz'], 'has eca_faster_rcnn_r101, '),
        (['absent/one.py'], 'config absent/one.py not found'),
        (['mask_rcnn_r50', 'mask_rcnn_r50'], 'two rows are called mask_rcnn_r50'),
        (['a/b=mask_rcnn_r50'], 'row a/b: give a name without /'),
        (['..=mask_rcnn_r50'], 'row ..: give a name'),
    ],
)
def test_wrong_rows(configs, requests, said):
    with pytest.raises(RequestError) as error:
        by_name(requests, configs)
    (line,) = error.value.args
    assert said in line and '\n' not in line


def test_no_configs(tmp_path):
    with pytest.raises(RequestError, match='there are no configs in'):
        by_name(['mask_rcnn_r50'], tmp_path)


HOOKS = "custom_hooks = [dict(type='ReportHook')]\n"


@pytest.fixture
def row(tmp_path):
    text = "model = dict(lr=1, sizes=(1, 2))\ndata = 'x'\n"
    (tmp_path / 'row.py').write_text(text + HOOKS)
    return Row('row', tmp_path / 'row.py')


def test_plan(tmp_path, row):
    (tmp_path / 'b.py').write_text(f'a = 1\n{HOOKS}')
    plan = Plan(tmp_path / 'out', [row, Row('b', tmp_path / 'b.py')], [4, 7], ['c=2'])
    runs = plan.runs()
    assert [(run.row, run.seed) for run in runs] == [
        ('row', 4), ('b', 4), ('row', 7), ('b', 7),
    ]  # fmt: skip
    assert runs[1].folder == tmp_path / 'out/runs/b/seed_4'
    b = plan.configs['b'].to_dict()
    assert b == dict(a=1, c=2, custom_hooks=[dict(type='ReportHook')])
    plan.folder.mkdir()
    plan.write()
    assert runs_in(plan.folder) == runs


def test_digest_is_of_what_a_config_says(tmp_path, row):
    def made(*options) -> str:
        return Plan(tmp_path, [row], [0], list(options)).digests['row']

    first = made()
    text = "data = 'x'\nmodel = dict(sizes=[1, 2], lr=1)  # the same\n"
    row.config.write_text(HOOKS + text)
    assert made() == first
    assert made('model.lr=1') == first != made('model.lr=2')
    assert len({first, made('model.lr=1.0'), made('model.sizes=(2, 1)')}) == 3
    plan = Plan(tmp_path, [row], [0], ['model.lr=2'])
    assert digest(plan.configs['row']) == made('model.lr=2')


@pytest.mark.parametrize(
    ('options', 'said'),
    [(['lr'], '--cfg-options lr: give KEY=VALUE'),
     (['randomness.seed=3'], 'give --seeds')],
)  # fmt: skip
def test_wrong_options(tmp_path, row, options, said):
    with pytest.raises(RequestError, match=said):
        Plan(tmp_path, [row], [0], options)


@pytest.mark.parametrize('hooks', ['', "custom_hooks = [dict(type='EMAHook')]"])
def test_a_row_that_leaves_no_results(tmp_path, row, hooks):
    """Refused before anything is trained, and each such row is named."""
    (tmp_path / 'b.py').write_text(hooks)
    rows = [row, Row('b', tmp_path / 'b.py'), Row('c', tmp_path / 'b.py')]
    with pytest.raises(RequestError) as error:
        Plan(tmp_path / 'out', rows, [0])
    assert [line[:7] for line in error.value.args] == ['row b: ', 'row c: ']
    assert all("add dict(type='ReportHook')" in line for line in error.value.args)


def test_a_kind_of_report_hook_is_one(tmp_path, row):
    """By its scope, or as a class of one's own."""

    @HOOK_TYPES.register_module(name='OwnReportHook')
    class Own(ReportHook):
        pass

    try:
        for name in ('mmengine.ReportHook', 'OwnReportHook'):
            row.config.write_text(f"custom_hooks = [dict(type='{name}')]")
            assert list(Plan(tmp_path, [row], [0]).configs) == ['row']
    finally:
        HOOK_TYPES.module_dict.pop('OwnReportHook')


def test_a_report_hook_among_the_default_hooks(tmp_path, row):
    """Where a hook that is switched off is None."""
    row.config.write_text(
        "default_hooks = dict(timer=None, report=dict(type='ReportHook'))"
    )
    assert list(Plan(tmp_path, [row], [0]).configs) == ['row']


def test_runs_of_a_changed_config_are_refused(tmp_path, row):
    plan = Plan(tmp_path / 'out', [row], [0, 1])
    first, second = plan.runs()
    notes.write(first.folder / notes.FINISHED, dict(digest=plan.digests['row']))
    notes.update(second, digest=plan.digests['row'])
    notes.refuse_changed(plan.runs(), plan.digests)
    changed = Plan(tmp_path / 'out', [row], [0, 1], ['model.lr=2'])
    with pytest.raises(RequestError) as error:
        notes.refuse_changed(changed.runs(), changed.digests)
    (line,) = error.value.args
    assert f'row row: its config or --cfg-options are not those that {first} ' in line
    assert str(first.folder) in line and 'name another --out' in line
    (first.folder / notes.FINISHED).unlink()  # begun and not finished: the other one
    with pytest.raises(RequestError, match='seed 1'):
        notes.refuse_changed(changed.runs(), changed.digests)


@pytest.mark.parametrize('text', ['', '{}', '[1]', '{"rows": ["a"], "seeds": ["b"]}'])
def test_spoilt_plan(tmp_path, text):
    (tmp_path / 'campaign.json').write_text(text)
    with pytest.raises(RequestError, match='is not a plan of a campaign'):
        runs_in(tmp_path)


def test_no_plan(tmp_path):
    with pytest.raises(RequestError, match='has no campaign'):
        runs_in(tmp_path)
