"""Check what a run needs before it starts, and report every problem."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from mmengine.config import Config

from eca_mm.checkpoints.content import Contents
from eca_mm.errors import RequestError
from eca_mm.findings import ERROR, WARNING, Finding

from ..ranks import is_first_rank
from ..runner import build_model
from ..speech import print_line
from .data import data_findings
from .disk import disk_findings
from .dry_run import dry_findings
from .findings_table import count, plural, show
from .initial_weights import checkpoint_findings, fit_findings, start_findings
from .initializers import try_initializers
from .metric_arguments import metric_findings
from .refusal import Refusals
from .schedule import rate_findings, schedule_findings
from .shape import scope_findings, shape_findings
from .silence import frozen_findings, import_findings
from .stand_in import StandIn
from .tta_limits import tta_findings
from .work_dir import work_dir_findings

__all__ = ['find_problems', 'refuse_problems', 'show_problems']


def refuse_problems(cfg: Config, splits: tuple[str, ...]) -> None:
    """Stop before a run that cannot work; only the first rank checks and reports.

    Warnings are one line each on stderr.

    Args:
        cfg: The whole config.
        splits: The data loaders and evaluators to look at: 'train', 'val', 'test'.

    Raises:
        RequestError: With all errors.
    """
    if not is_first_rank():
        return
    findings = find_problems(cfg, splits)
    errors = [finding.line() for finding in findings if finding.level == ERROR]
    if errors:
        raise RequestError(*errors)
    for finding in findings:
        if finding.level == WARNING:
            print_line(f'warning: {finding.line()}')


def show_problems(
    cfg: Config, splits: tuple[str, ...], full: bool = False, with_json: bool = False
) -> None:
    """Print all findings on stdout.

    Args:
        cfg, splits: As of :func:`refuse_problems`.
        full: Read every image instead of a sample.
        with_json: JSON instead of a table.

    Raises:
        RequestError: There are errors.
    """
    with redirect_stdout(StringIO()):  # the hosts print, which would spoil the JSON
        findings = find_problems(cfg, splits, is_check=True, full=full)
    show(str(cfg.filename), findings, with_json)
    errors = count(findings, ERROR)
    if errors:
        raise RequestError(f'{plural(errors, "thing")} to fix before this can run')


def find_problems(
    cfg: Config, splits: tuple[str, ...], is_check: bool = False, full: bool = False
) -> list[Finding]:
    """All problems of a run that can be found before it starts.

    Args:
        cfg, splits: As of :func:`refuse_problems`.
        is_check: Take the time to load the weights, and show a progress bar; a run
            reports on its weights itself. In a check of a checkpoint to test, a part
            that does not fit is an error.
        full: Read every image instead of a sample.
    """
    trains = 'train' in splits
    misshapen = list(shape_findings(cfg))
    if splits and not misshapen:
        misshapen += scope_findings(cfg)
    if misshapen:  # the checks below could not read it
        return misshapen
    contents = Contents()
    findings = list(checkpoint_findings(cfg, trains, contents))
    stand_ins: dict[Path, StandIn] = {}
    of_data = list(data_findings(cfg, splits, full, is_check, stand_ins))
    findings += of_data
    if count(of_data, ERROR):  # a step on such data would only say the same again
        stand_ins = {}
    findings += import_findings(cfg)
    findings += metric_findings(cfg, splits)
    if trains:
        findings += schedule_findings(cfg)
        findings += rate_findings(cfg)
        findings += work_dir_findings(cfg)
    refused = {finding.part for finding in findings if finding.level == ERROR}
    findings += model_findings(cfg, splits, stand_ins, contents, is_check, refused)
    return findings


def model_findings(
    cfg: Config,
    splits: tuple[str, ...],
    stand_ins: dict[Path, StandIn],
    contents: Contents,
    is_check: bool,
    refused: set[str],
) -> Iterator[Finding]:
    """Checks that need the model: disk space, weights, and a dry run.

    Args:
        refused: Parts with known errors, which a dry run would report again.
    """
    trains = 'train' in splits
    refusals = Refusals(cfg)
    with refusals.of('model'):
        model = build_model(cfg)
        if trains:
            try_initializers(model)
    yield from refusals.found
    if refusals.found:
        return
    if trains:
        yield from disk_findings(cfg, model)
        yield from frozen_findings(cfg, model)
    unfit = []
    if splits:  # tools that neither train nor test load their weights themselves
        unfit = list(fit_findings(cfg, model, trains, is_check, contents))
    yield from unfit
    if trains and is_check and contents.usable and not count(unfit, ERROR):
        yield from start_findings(cfg, model)
    unmerged = list(tta_findings(model))
    yield from unmerged
    if not unmerged:  # the evaluator would only say again that masks are missing
        # Last, for it trains the model.
        yield from dry_findings(cfg, model, splits, stand_ins, refused)
