"""The paper's columns of parameters and GFLOPs beside our own counts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import sympy
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import MODELS as PLUGINS
from torch import nn

from eca_mm.paper import config_name, load_table
from eca_mm.progress import track

from .complexity import measure, with_background_rows

EQUAL, ROUGHLY, DIFFERENT = 'equal', 'equal to one decimal', 'DIFFERENT'

# Table 2: name in the paper: our block, and what its formula needs to know.
BLOCKS = {
    'SE': dict(type='SE', reduction=16),
    'SE-Var1': dict(type='SEVar1'),
    'SE-Var2': dict(type='SEVar2'),
    'SE-Var3': dict(type='SEVar3'),
    'SE-GC1': dict(type='SEGC', groups=16),
    'SE-GC2': dict(type='SEGC', groups='C/16'),
    'SE-GC3': dict(type='SEGC', groups='C/8'),
    'ECA-NS': dict(type='ECANS', kernel_size=3),
    'ECA': dict(type='ECA', kernel_size=3),
}
CHANNELS = 256  # those of stage 1's blocks, for a count of Table 2

# Table 3: method: what its ResNet has beside the plain one.
LAST_THREE = (False, True, True, True)
EXTRAS = {
    'ResNet': {},
    'SENet': dict(plugins=[dict(cfg=dict(type='SE'), position='after_conv3')]),
    'CBAM': dict(plugins=[dict(cfg=dict(type='CBAM'), position='after_conv3')]),
    'GCNet': dict(
        plugins=[
            dict(
                cfg=dict(type='ContextBlock', ratio=1 / 16),
                position='after_conv3',
                stages=LAST_THREE,
            )
        ]
    ),
    'AA-Net': dict(dcn=dict(type='AAConv2d'), stage_with_dcn=LAST_THREE),
}
KERNEL_SIZES = {50: (3, 5, 5, 7), 101: (3, 3, 5, 7), 152: (3, 3, 5, 7)}
# Methods whose parameters the paper copied from their own papers, in 10^6.
COPIED = ('GCNet', 'AA-Net')

# Figures that cannot be met, by table, row and column, and why.
GCNET = "GCNet's own count, which the paper set beside its own of the other rows"
KNOWN = {
    (5, 'nl_mask_rcnn_r50', 'gflops'): GCNET,
    (5, 'gc_mask_rcnn_r50', 'gflops'): GCNET,
}
# Figures copied with one decimal; all others have two.
ONE_DECIMAL = {
    (3, 'ResNet-50 AA-Net', 'params'),
    (3, 'ResNet-101 AA-Net', 'params'),
    (5, 'gc_mask_rcnn_r50', 'params'),
}


def verdict(table: int, row: str, **columns: tuple[float, float]) -> dict:
    """Set the paper's figure and ours side by side, column by column.

    Args:
        columns: For each column the paper's figure and our count, in its unit.

    Returns:
        Columns for a table. ``verdict`` is EQUAL, DIFFERENT if any column differs, or
        what there is to know about those that are not equal to two decimals.
    """
    cells, findings = {}, []
    for column, (paper, ours) in columns.items():
        cells |= {f'{column}, paper': paper, column: ours}
        place = (table, row, column)
        if f'{ours:.2f}' == f'{paper:.2f}':
            continue
        if place in KNOWN:
            findings.append(f'known: {column} {ours - paper:+.2f}, {KNOWN[place]}')
        elif place in ONE_DECIMAL and f'{ours:.1f}' == f'{paper:.1f}':
            findings.append(ROUGHLY)
        else:
            findings.append(DIFFERENT)
    worst = DIFFERENT if DIFFERENT in findings else '; '.join(findings)
    return dict(row=row, **cells, verdict=worst or EQUAL)


def table_2(configs: Path) -> Iterator[dict]:
    """Parameters of each block at 256 channels, as built and by the paper's formula."""
    for row in load_table(2):
        formula = sympy.sympify(row['params'].partition(' =')[0])
        expected = formula.subs(dict(C=CHANNELS, r=16, k=3))
        block = BLOCKS.get(row['name'])
        built = nn.Identity() if block is None else build_block(block)
        count = sum(p.numel() for p in built.parameters())
        yield dict(
            row=row['name'],
            formula=row['params'],
            paper=int(expected),
            ours=count,
            verdict=EQUAL if count == expected else DIFFERENT,
        )


def build_block(block: dict) -> nn.Module:
    return PLUGINS.build(dict(block, in_channels=CHANNELS))


def table_3(configs: Path) -> Iterator[dict]:
    """Parameters of the ImageNet classifiers, backbone and last layer."""
    for row in track(load_table(3), 'models'):
        name = f'{row["backbone"]} {row["method"]}'
        cfg = classifier(row['backbone'], row['method'])
        if cfg is None:
            yield dict(
                row=name, **{'params, paper': row['params']}, params='-',
                verdict='not built here', unit='',
            )  # fmt: skip
            continue
        width = 1280 if row['backbone'] == 'MobileNetV2' else 2048
        parts = (MODELS.build(cfg), nn.Linear(width, 1000))
        count = sum(p.numel() for part in parts for p in part.parameters())
        unit = 1e6 if row['method'] in COPIED else 2**20
        found = verdict(3, name, params=(row['params'], count / unit))
        yield found | dict(unit='10^6' if unit == 1e6 else '2^20')


def classifier(backbone: str, method: str) -> dict | None:
    """Backbone of a row of Table 3, None for a method that is not ours or mmcv's."""
    if backbone == 'MobileNetV2':
        return {
            'MobileNetV2': dict(type='MobileNetV2'),
            'SENet': dict(
                type='PluginMobileNetV2', plugin=dict(type='SE', reduction=8)
            ),
            'CBAM': dict(  # not in the paper
                type='PluginMobileNetV2', plugin=dict(type='CBAM', reduction=8)
            ),
            'ECA-Net': dict(type='ECAMobileNetV2'),
        }[method]
    depth = int(backbone.removeprefix('ResNet-'))
    if method == 'ECA-Net':
        return dict(type='ECAResNet', depth=depth, kernel_sizes=KERNEL_SIZES[depth])
    if method not in EXTRAS:
        return None
    return dict(type='PluginResNet', depth=depth, **EXTRAS[method])


def table_5(configs: Path) -> Iterator[dict]:
    """Parameters (10^6) and GFLOPs of each row's config in the folder ``configs``."""
    for row in track(load_table(5), 'models'):
        name = config_name(row)
        model = Config.fromfile(configs / f'{name}.py').model
        model.backbone.init_cfg = None
        found = measure(with_background_rows(MODELS.build(model)), convention='paper')
        copied = row['method'] in ('NL', 'GC')  # from GCNet, which counts all
        parameters = found.parameters if copied else found.trainable
        yield verdict(
            5,
            name,
            params=(row['params'], parameters / 1e6),
            gflops=(row['gflops'], found.flops / 1e9),
        )


TABLES: dict[int, Callable[[Path], Iterator[dict]]] = {
    2: table_2,
    3: table_3,
    5: table_5,
}
