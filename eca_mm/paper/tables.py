"""The paper's tables: figures to reproduce, and to set beside one's own."""

from functools import cache
from pathlib import Path

import yaml

TEXT, NUMBER, GAP = (str,), (int, float), (int, float, type(None))
APS = dict.fromkeys(('APs', 'APm', 'APl'), GAP)
AP = dict.fromkeys(('AP', 'AP50', 'AP75'), NUMBER) | APS
TOP = dict(top1=NUMBER, top5=NUMBER)
SCHEMA: dict[int, dict[str, tuple]] = {
    2: dict(name=TEXT, attention=TEXT, params=TEXT, **TOP),
    3: dict(
        backbone=TEXT, method=TEXT, params=NUMBER, flops=NUMBER, train_fps=GAP,
        infer_fps=GAP, **TOP,
    ),
    5: dict(
        detector=TEXT, backbone=TEXT, method=TEXT, params=NUMBER, gflops=NUMBER, **AP,
    ),
    6: dict(backbone=TEXT, method=TEXT, **AP),
}  # fmt: skip
FILE = Path(__file__).with_name('tables.yaml')


@cache
def load_table(number: int) -> list[dict]:
    """Rows of table 2, 3, 5 or 6, in the paper's order; units stand in tables.yaml.

    Raises:
        ValueError: There is no such table, or a row does not have its columns.
    """
    if number not in SCHEMA:
        raise ValueError(f'table must be one of {sorted(SCHEMA)}, got {number!r}')
    return read_rows(f'table{number}', SCHEMA[number])


@cache
def load_ours() -> list[dict]:
    """The rows that stand beside the paper's, and the ``config`` of each.

    Raises:
        ValueError: A row does not have its columns.
    """
    columns = dict(detector=TEXT, backbone=TEXT, method=TEXT, epochs=(int,), what=TEXT)
    return [row | dict(config=config_name(row)) for row in read_rows('ours', columns)]


@cache
def load_gcnet() -> list[dict]:
    """GCNet's own figures of Mask R-CNN, and the ``config`` of each.

    Raises:
        ValueError: A row does not have its columns.
    """
    columns = dict(norms=TEXT, method=TEXT, AP=NUMBER, mask_AP=NUMBER)
    return [row | dict(config=gcnet_name(row)) for row in read_rows('gcnet', columns)]


def gcnet_name(row: dict) -> str:
    model = dict(detector='Mask R-CNN', backbone='ResNet-50', method=row['method'])
    return ('syncbn_' if row['norms'] == 'SyncBN' else '') + config_name(model)


@cache
def content(file: Path) -> dict[str, list[dict]]:
    """All tables of a file, read once: that takes 50 ms, and commands answer in 100."""
    return yaml.safe_load(file.read_text())


def read_rows(name: str, columns: dict[str, tuple]) -> list[dict]:
    """The rows of tables.yaml under a name, each checked."""
    rows = content(FILE)[name]
    for row in rows:
        check_row(row, columns)
    return rows


def check_row(row: dict, columns: dict[str, tuple]) -> None:
    """Raise ValueError unless a row has exactly these columns, of these types."""
    if row.keys() != columns.keys():
        raise ValueError(f'{row}: columns must be {", ".join(columns)}')
    for column, types in columns.items():
        if not isinstance(row[column], types):
            raise ValueError(f'{row}: {column} is {row[column]!r}')


def config_name(row: dict) -> str:
    """Name of the config of a row of table 5, without .py: 'se_mask_rcnn_r50'."""
    method = '' if row['method'] == 'none' else f'{in_a_name(row["method"])}_'
    backbone = in_a_name(row['backbone']).replace('resnet', 'r')
    return f'{method}{in_a_name(row["detector"])}_{backbone}'


def in_a_name(words: str) -> str:
    """Words of a table as they stand in names: 'Mask R-CNN' is mask_rcnn."""
    return words.lower().replace('-', '').replace(' ', '_')


# The detectors of table 5, and how names have them.
DETECTORS = {row['detector']: in_a_name(row['detector']) for row in load_table(5)}
