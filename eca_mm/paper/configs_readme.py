"""configs/README.md from the paper's tables: python -m eca_mm.paper.configs_readme"""

from collections.abc import Iterator

from eca_mm.checkpoints.released import releases
from eca_mm.markdown_table import table_lines

from .protocol import zoo_scores
from .tables import config_name, load_gcnet, load_ours, load_table

HEAD = """\
# The paper's detection and segmentation comparison

One config for each row of Tables 5 and 6 of ECA-Net, by the rules of MMDetection 1.x,
with which the paper's detectors were trained
([settings and sources](../docs/reproduction.md)). All figures are **the paper's**, on
COCO val2017, trained on 4 GPUs x 2 images; none was trained by us. Our models have its
parameters (10^6) and GFLOPs (1280x800): `python tools/complexity.py --paper-table 5`.

```bash
python tools/train.py configs/NAME.py
```

Names are `{attention}_{detector}_{backbone}.py`, without attention for the baseline.
Initial weights: `ecanet://` for ECA, `checkpoints/se_resnet50.pth` and
`checkpoints/se_resnet101.pth` for SE, torchvision's for the others (that needs
torchvision).
"""
# In GCNet's setting, baseline first.
SYNCBN = ('syncbn_mask_rcnn_r50', 'syncbn_nl_mask_rcnn_r50', 'syncbn_gc_mask_rcnn_r50')
GCNET = """
The paper took the rows NL and GC from GCNet, which counts all parameters; their GFLOPs
differ from ours: `tools/complexity.py` shows by how much.

## GCNet's setting: synchronised BN

In the README of GCNet's repository the figures of the paper's GC row appear next to a
baseline whose backbone has synchronised BN too. So compare them with that baseline, and
not with the paper's own, whose norms keep ImageNet's statistics. NL is not in that
README. Its row (box AP 38.0, mask AP 34.7) probably has the same setting, because its
parameters and GFLOPs are GCNet's, but this is **not verified**. That setting is
[syncbn_nl_mask_rcnn_r50](syncbn_nl_mask_rcnn_r50.py). GCNet trained with 16 images an
iteration: 8 GPUs here.
"""
KERNELS = """
## Kernel sizes

The ImageNet weights that the authors released do not have the kernel sizes of all their
detectors. Each config has the sizes of the weights that it starts from; its first lines
say how to train with the others. Where a kernel grows, taps of zero are added, which
changes nothing; where it shrinks, end taps are cut, and the run reports what is lost.
"""
MODERN = """
## The same by MMDetection 3's rules

`configs/modern/` has a config of the same name for every row, with today's defaults:
the better baseline, but not the paper's. The AP to expect is that of MMDetection's own
models on 8 GPUs x 2 images; on as many GPUs these configs train at its learning rates.
No other row has a figure.
"""
TAIL = """
## Ours, not the paper's

{ours}

This file is made from `eca_mm/paper/tables.yaml`:
`python -m eca_mm.paper.configs_readme > configs/README.md`.
"""
# Rows that the paper took from GCNet, as they were trained.
GCNETS = {'GC': 'GC (SyncBN, 16 images)', 'NL': 'NL (SyncBN, 16 images, probably)'}
COLUMNS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl')


def number(value: float | None) -> str:
    """With one decimal, a dash where there is no figure."""
    return '–' if value is None else f'{value:.1f}'


def link(name: str, folder: str = '') -> str:
    return f'[{folder}{name}]({folder}{name}.py)'


def paper_rows() -> Iterator[list[str]]:
    masks = {(row['backbone'], row['method']): row for row in load_table(6)}
    for row in load_table(5):
        mask = masks.get((row['backbone'], row['method']))
        with_mask = mask if row['detector'] == 'Mask R-CNN' else None
        yield [
            link(config_name(row)),
            GCNETS.get(row['method'], row['method']),
            f'{row["params"]:.2f}',
            f'{row["gflops"]:.2f}',
            *(number(row[column]) for column in COLUMNS),
            number(with_mask['AP']) if with_mask else '',
        ]


def gcnet_rows() -> Iterator[list[str]]:
    for row in load_gcnet():
        scores = [number(row['AP']), number(row['mask_AP'])]
        yield [link(row['config']), row['method'], row['norms'], *scores]


def kernel_rows() -> Iterator[list[str]]:
    for row in load_table(5):
        if row['method'] == 'ECA':
            name = config_name(row)
            model = name.removeprefix('eca_')
            depth = row['backbone'].removeprefix('ResNet-')
            found = (f'ecanet://resnet{depth}', f'ecanet-coco://{model}')
            sizes = [', '.join(map(str, releases()[url].kernel_sizes)) for url in found]
            yield [link(name), *sizes]


def modern_rows() -> Iterator[list[str]]:
    for row in load_table(5):
        name = config_name(row)
        scores = zoo_scores(name)
        if scores:
            box, mask = number(scores['bbox']), scores.get('segm')
            yield [link(name, 'modern/'), box, number(mask) if mask else '']


def configs_readme() -> str:
    """The whole file."""
    head = ['config', 'attention', 'params', 'GFLOPs', *COLUMNS, 'mask AP']
    gcnet = ['config', 'attention', 'norms', 'box AP', 'mask AP']
    kernels = ['config', 'here', "the authors' detector"]
    modern = ['config', 'box AP', 'mask AP']
    ours = '\n'.join(
        f'- {link(row["config"])}:\n  {row["what"]}.' for row in load_ours()
    )
    return '\n'.join(
        [
            HEAD,
            *table_lines(head, paper_rows(), 2),
            GCNET,
            *table_lines(gcnet, gcnet_rows(), 3),
            KERNELS,
            *table_lines(kernels, kernel_rows(), 3),
            MODERN,
            *table_lines(modern, modern_rows(), 1),
            TAIL.format(ours=ours),
        ]
    )


if __name__ == '__main__':
    print(configs_readme(), end='')
