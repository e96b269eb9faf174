import pytest

from eca_mm.paper import config_name, load_table
from eca_mm.paper.tables import SCHEMA, check_row, load_gcnet


def test_every_row_has_its_columns():
    assert {n: len(load_table(n)) for n in SCHEMA} == {2: 10, 3: 19, 5: 20, 6: 8}


def test_figures_of_the_paper():
    """Two rows typed from the paper again."""
    (row,) = (r for r in load_table(5) if config_name(r) == 'eca_retinanet_r101')
    assert (row['params'], row['gflops'], row['AP'], row['APl']) == (
        56.74, 315.57, 39.1, 50.6
    )  # fmt: skip
    nl = load_table(6)[2]
    assert (nl['method'], nl['AP'], nl['APs']) == ('NL', 34.7, None)


def test_the_abstract():
    """ECA-Net-50 gains 2.28 top-1 over ResNet-50 in the table."""
    top1 = {
        row['method']: row['top1']
        for row in load_table(3)
        if row['backbone'] == 'ResNet-50'
    }
    assert round(top1['ECA-Net'] - top1['ResNet'], 2) == 2.28


def test_the_papers_gc_row_is_gcnets_with_synchronised_norms():
    """Two rows of GCNet's README typed again, and the tables of the paper."""
    found = {row['config']: (row['AP'], row['mask_AP']) for row in load_gcnet()}
    assert found['gc_mask_rcnn_r50'] == (38.5, 35.1)
    assert found['syncbn_mask_rcnn_r50'] == (37.2, 33.8)
    papers = [
        row['AP'] for n in (5, 6) for row in load_table(n) if row['method'] == 'GC'
    ]
    assert [*found['syncbn_gc_mask_rcnn_r50']] == papers


@pytest.mark.parametrize(
    ('change', 'named'), [(dict(AP='38'), "AP is '38'"), (dict(mAP=1), 'columns')]
)
def test_wrong_rows_are_named(change, named):
    with pytest.raises(ValueError, match=named):
        check_row(load_table(6)[0] | change, SCHEMA[6])


def test_unknown_table():
    with pytest.raises(ValueError, match='got 4'):
        load_table(4)
