"""The runs of a report: work dirs, or result files under a name."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mmengine.config import Config

from .logs import read_logs

# What the hook leaves in a work dir, and what the metric writes beside it.
RECORD = 'results.json'
PREDICTIONS = 'predictions'
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
    """

    name: str
    files: dict[str, Path]
    work_dir: Path | None = None
    record: dict = field(default_factory=dict)

    @cached_property
    def config(self) -> Config | None:
        """The config as it was run, None where it is not kept."""
        path = self.work_dir and self.work_dir / str(self.record.get('config'))
        try:
            return Config.fromfile(path) if path and path.is_file() else None
        except Exception:  # a config is code: the report can do without it
            return None

    @cached_property
    def logs(self) -> tuple[list[dict], list[dict]]:
        """Training rows and evaluation rows, by iteration."""
        return read_logs(self.work_dir) if self.work_dir else ([], [])


def read_runs(requests: list[str]) -> list[Run]:
    """The runs that a command line names, each as [NAME=]PATH.

    Raises:
        ReportError: A path is neither a work dir with results nor a file, or two runs
            have the same name.
    """
    runs = [read_run(request) for request in requests]
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise ReportError(
                f'two runs are called {name}: give them names, such as a=PATH b=PATH'
            )
    return runs


def read_run(request: str) -> Run:
    """A run from [NAME=]PATH; the name of a work dir is by default its folder's."""
    named, equals, rest = request.partition('=')
    if not equals or Path(request).exists():
        named, rest = '', request
    path = Path(rest)
    if path.is_dir():
        return read_work_dir(path, named or path.resolve().name)
    if not path.is_file():
        raise ReportError(
            f'{path} not found: a run is a work dir, or NAME=results.json with --ann'
        )
    return Run(named or path.stem, {'': path})


def read_work_dir(folder: Path, name: str) -> Run:
    """The run that trained or was tested in a work dir."""
    remedy = f'run tools/test.py CONFIG CHECKPOINT --work-dir {folder}'
    found = {kind: folder / f'{PREDICTIONS}.{kind}.json' for kind in KINDS}
    files = {kind: path for kind, path in found.items() if path.is_file()}
    if not files or not (folder / RECORD).is_file():
        raise ReportError(f'work dir {folder} has no results: {remedy}')
    try:
        record = json.loads((folder / RECORD).read_bytes())
        kinds = record['coco']
    except (ValueError, KeyError, TypeError):
        raise ReportError(
            f'{folder / RECORD} is not a record of an evaluation: {remedy}'
        ) from None
    # mmdet writes masks also where only boxes were asked for.
    wanted = {kind: path for kind, path in files.items() if kind in kinds}
    return Run(name, wanted or files, folder, record)
