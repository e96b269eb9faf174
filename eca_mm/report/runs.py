"""The runs of a report: work dirs, or result files under a name.

A work dir may be a stranger's. What it names is read only where it lies within it; the
rest is left out of the report, which says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from eca_mm.config_dump import ConfigDumpError, load_dump
from eca_mm.files import inside

from .logs import read_logs
from .read_record import read_record

if TYPE_CHECKING:
    from mmengine.config import Config

# What the hook leaves in a work dir, and what the metric writes beside it.
RECORD = 'results.json'
PREDICTIONS = 'predictions'
COLUMNS = ('setting', 'fact')  # of tables with a column a run, for the others
KINDS = {'bbox': 'box', 'segm': 'mask'}


class ReportError(ValueError):
    """A run, file or name is wrong: one line that says what and how to mend it."""


@dataclass(frozen=True)
class Run:
    """One model's results and what is known about how they came about.

    Attributes:
        name: As the report shows it.
        files: Result file of each kind, 'bbox' and 'segm'.
        work_dir: None for a result file.
        record: What the hook wrote about the last evaluation; {} for a result file.
        left_out: What the report does without, and why; a line each.
    """

    name: str
    files: dict[str, Path]
    work_dir: Path | None = None
    record: dict = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @cached_property
    def config(self) -> Config | None:
        """The config as it was run, None where it is not kept."""
        path = self.named('config')
        if path is None or not path.exists():
            return None
        try:
            return load_dump(path)
        except ConfigDumpError as error:
            self.leave_out(str(error))
            return None

    @cached_property
    def logs(self) -> tuple[list[dict], list[dict]]:
        """Training rows and evaluation rows, by iteration."""
        return read_logs(self.work_dir, self.leave_out) if self.work_dir else ([], [])

    @cached_property
    def annotations(self) -> Path | None:
        """The annotation file, where it lies in the work dir."""
        return self.named('annotations', 'give it with --ann')

    @cached_property
    def images(self) -> Path | None:
        """The folder of the images, where it lies in the work dir."""
        return self.named('images', 'to show some, give it with --images')

    def named(self, field: str, remedy: str = '') -> Path | None:
        """The file that the record names in a field, if it is in the work dir."""
        if self.work_dir is None or field not in self.record:
            return None
        try:
            return inside(self.work_dir, self.record[field])
        except ValueError as error:
            self.leave_out(f'{field} of {RECORD}: {error}', remedy)
            return None

    def leave_out(self, what: str, remedy: str = '') -> None:
        """Note what the report does without."""
        self.left_out.append(f'{self.name}: {what}' + (remedy and f': {remedy}'))


def read_run(path: str, name: str = '') -> Run:
    """A work dir or a result file; its name is by default the folder's or file's.

    Raises:
        ReportError: It is neither, or a work dir without results.
    """
    place = Path(path)
    if place.is_dir():
        return read_work_dir(place, name or place.resolve().name)
    if not place.is_file():
        raise ReportError(
            f'{path} not found: a run is a work dir, or NAME=results.json with --ann'
        )
    return Run(name or place.stem, {'': place})


def read_work_dir(folder: Path, name: str) -> Run:
    """The run that trained or was tested in a work dir."""
    remedy = f'run tools/test.py CONFIG CHECKPOINT --work-dir {folder}'
    left_out: list[str] = []
    files = {}
    for kind in KINDS:
        try:
            path = inside(folder, f'{PREDICTIONS}.{kind}.json')
            files |= {kind: path} if path.is_file() else {}
        except ValueError as error:  # a link
            left_out.append(f'{name}: {error}')
    if not files or not (folder / RECORD).is_file():
        raise ReportError(f'work dir {folder} has no results: {remedy}')
    try:
        record, odd = read_record(inside(folder, RECORD))
    except (OSError, ValueError) as error:
        raise ReportError(
            f'{folder / RECORD} is not a record of an evaluation ({error}): {remedy}'
        ) from None
    if odd:
        left_out.append(f'{name}: {", ".join(odd)} of {RECORD}: not of the right type')
    # mmdet writes masks also where only boxes were asked for.
    wanted = {kind: path for kind, path in files.items() if kind in record['coco']}
    return Run(name, wanted or files, folder, record, left_out)
