"""The paper's row for a run of one of its configs."""

from eca_mm.paper import config_name, load_table

from .runs import Run


def paper_row(run: Run, kind: str = 'bbox') -> dict | None:
    """The row of Table 5, or for masks 6, whose config a run has."""
    return paper_row_of(run.record.get('config', ''), kind)


def paper_row_of(config: str, kind: str = 'bbox') -> dict | None:
    """The row of Table 5, or for masks 6, of a config's file name."""
    config = config.removesuffix('.py')
    row = next((row for row in load_table(5) if config_name(row) == config), None)
    if row is None or kind == 'bbox':
        return row
    if row['detector'] != 'Mask R-CNN':
        return None
    same = (row['backbone'], row['method'])
    return next(r for r in load_table(6) if (r['backbone'], r['method']) == same)
