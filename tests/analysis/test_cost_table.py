import pytest

from eca_mm.analysis import cost_table, operator_profile

ABOUT = dict(
    device='a CPU, 2 threads', device_type='cpu', precision='float32', batch=4,
    memory_format='contiguous', size='64x32', rounds=3, torch='2.13.0', commit='abc',
)  # fmt: skip


def row(provider, measure, unit, value, ratio, low, high, **more) -> dict:
    return dict(
        model='R50', provider=provider, measure=measure, unit=unit, value=value,
        baseline='plain', ratio=ratio, lower_quartile=low, upper_quartile=high,
    ) | more | ABOUT  # fmt: skip


ROWS = [
    row('plain', 'saved', 'MiB', 277.734, 1.0, 1.0, 1.0),
    row('ours', 'saved', 'MiB', 205.475, 0.7398, 0.7398, 0.7398),
    row('plain', 'inference', 'ms', 515.225, 1.0, 1.0, 1.0),
    row('ours', 'inference', 'ms', 519.172, 0.9973, 0.9779, 1.0395),
]


def test_markdown():
    assert cost_table.as_markdown(ROWS) == (
        '| model | provider | saved (MiB) | to plain | inference (ms) | to plain |\n'
        '|---|---|--:|--:|--:|--:|\n'
        '| R50 | plain | 277.7 | 1.000 | 515.2 | 1.000 |\n'
        '| R50 | ours | 205.5 | 0.740 | 519.2 | 0.997 (0.978 to 1.040) |\n'
        '\n'
        'a CPU, 2 threads, float32, contiguous, batch 4, 64x32, 3 rounds, '
        'torch 2.13.0, commit abc; on a GPU: not measured\n'
    )


def test_on_a_gpu_nothing_is_missing():
    rows = [dict(found, device_type='cuda', device='GPU') for found in ROWS]
    assert cost_table.caption(rows).endswith('commit abc')


def test_the_papers_columns():
    """SE has figures in the paper, CBAM on MobileNetV2 has none."""
    figures = dict(SE=(1620, 0.8733), CBAM=(None, None))
    rows = [
        row(name, 'inference', 'images/s', 9, 0.9, 0.8, 1, paper=fps, paper_ratio=ratio)
        for name, (fps, ratio) in figures.items()
    ]
    head, lines = cost_table.table_of(rows)
    assert head[3:] == ['to plain', "paper's", "paper's ratio"]
    assert lines[0][3:] == ['0.900 (0.800 to 1.000)', '1620', '0.873']
    assert lines[1][-2:] == ['-', '-']
    (plot,) = cost_table.draw(rows).axes
    (papers,) = (line for line in plot.lines if line.get_marker() == 'D')
    assert list(papers.get_xdata()) == [0.8733]


def test_plot():
    """A plot a measure; points stand at the ratios, and a line at 1."""
    saved, inference = cost_table.draw(ROWS).axes
    assert inference.get_title() == 'inference'
    points = inference.containers[0]
    assert list(points.lines[0].get_xdata()) == [1, 0.9973]
    ((first, second),) = (bars.get_segments() for bars in points.lines[2])
    assert second[:, 0] == pytest.approx([0.9779, 1.0395])
    assert any(list(line.get_xdata()) == [1, 1] for line in inference.lines)
    assert [label.get_text() for label in saved.get_yticklabels()] == ['plain', 'ours']


def test_operators_by_difference():
    rows = operator_profile.compare(
        dict(conv=10.0, relu=2.0), dict(conv=11.0, mean=3.0)
    )
    assert [(r['operator'], r['difference']) for r in rows] == [
        ('mean', 3), ('relu', -2), ('conv', 1)
    ]  # fmt: skip


def test_operator_times():
    import torch

    x = torch.randn(64, 64)
    found = operator_profile.operator_times(lambda: (x @ x).relu(), rounds=2)
    assert found['aten::mm'] > 0 and found['aten::relu'] > 0
    assert not any('conv' in name for name in found)
