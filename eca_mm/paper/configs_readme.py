"""configs/README.md from the paper's tables: python -m eca_mm.paper.configs_readme"""

from .tables import config_name, load_table

HEAD = """\
# The paper's detection and segmentation comparison

One config for each row of Tables 5 and 6 of ECA-Net. All figures are **the paper's**,
on COCO val2017, trained on 4 GPUs x 2 images; none was trained by us. Our models meet
its parameters (10^6) and GFLOPs (1280x800), as shown by
`python tools/complexity.py --paper-table 5`.

```bash
python tools/train.py configs/NAME.py
```

Names are `{attention}_{detector}_{backbone}.py`, without attention for the baseline.
Initial weights: `ecanet://` for ECA, `checkpoints/se_resnet50.pth` and
`checkpoints/se_resnet101.pth` for SE, torchvision's for the others (that needs
torchvision).
"""
# Configs beside the paper's: name, and what it is.
OURS = {
    'eca_identity_faster_rcnn_r50': "ECA that begins as the identity, on torchvision's "
    'plain weights',
}
NOTES = """
NL and GC: the paper took their rows from GCNet, which counts all parameters and, for
GC, trains with synchronised BN in the backbone; the config tells how. Their GFLOPs are
not met: `tools/complexity.py` shows by how much.

## Ours, not the paper's

{ours}

This file is made from `eca_mm/paper/tables.yaml`:
`python -m eca_mm.paper.configs_readme > configs/README.md`.
"""
COLUMNS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl')


def cells(row: dict) -> list[str]:
    """The AP family of a row, a dash where the paper has no figure."""
    return ['–' if row[c] is None else f'{row[c]:.1f}' for c in COLUMNS]


def configs_readme() -> str:
    """The whole file."""
    masks = {(row['backbone'], row['method']): row for row in load_table(6)}
    head = ['config', 'attention', 'params', 'GFLOPs', *COLUMNS, 'mask AP']
    lines = [f'| {" | ".join(head)} |', '|---|---' + '|--:' * (len(head) - 2) + '|']
    for row in load_table(5):
        name = config_name(row)
        mask = masks.get((row['backbone'], row['method']))
        with_mask = mask if row['detector'] == 'Mask R-CNN' else None
        line = [
            f'[{name}]({name}.py)',
            row['method'],
            f'{row["params"]:.2f}',
            f'{row["gflops"]:.2f}',
            *cells(row),
            f'{with_mask["AP"]:.1f}' if with_mask else '',
        ]
        lines.append(f'| {" | ".join(line)} |')
    ours = '\n'.join(
        f'- [{name}]({name}.py):\n  {what}.' for name, what in OURS.items()
    )
    return '\n'.join([HEAD, *lines, NOTES.format(ours=ours)])


if __name__ == '__main__':
    print(configs_readme(), end='')
