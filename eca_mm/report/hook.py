"""The report of a mmengine run: its figures as it goes, the whole page at its end."""

from collections.abc import Callable
from pathlib import Path

from mmdet.evaluation import CocoMetric
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from . import record
from .runs import KINDS, PREDICTIONS, ReportError

NO_SCORES = 'No COCO scores: the metric is not COCO, or writes results alone.'
NOTHING = 'Nothing was detected: each AP is 0.'


@HOOKS.register_module()
class ReportHook(Hook):
    """Keep predictions and results.json in the work dir; at the end, write the report.

    Both are written at every evaluation, in training and in testing: tools/report.py
    makes the report of a run that was stopped from them.

    Args:
        replicates: Draws of the images behind the report's intervals.
    """

    priority = 'LOWEST'  # after LoggerHook has written the figures that are plotted

    def __init__(self, replicates: int = 1000) -> None:
        self.replicates = replicates
        self.metrics: dict[str, float] | None = None  # of the last evaluation
        self.evaluators: list[CocoMetric] = []  # of the last evaluation
        self.facts: dict = {}  # what else results.json has

    def before_val_epoch(self, runner: Runner) -> None:
        self.keep_predictions(runner, runner.val_evaluator.metrics)

    def before_test_epoch(self, runner: Runner) -> None:
        self.keep_predictions(runner, runner.test_evaluator.metrics)

    def keep_predictions(self, runner: Runner, metrics: list) -> None:
        """Have the COCO metric write its results into the work dir, if nowhere yet."""
        self.evaluators = [m for m in metrics if isinstance(m, CocoMetric)]
        for metric in self.evaluators:
            if metric.outfile_prefix is None:
                metric.outfile_prefix = str(Path(runner.work_dir) / PREDICTIONS)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self.metrics = metrics or {}
        if is_main_process():
            self.guard(runner, self.write_record)

    after_test_epoch = after_val_epoch

    def after_run(self, runner: Runner) -> None:
        if self.metrics is None or not is_main_process():
            return
        scores = record.coco_table(self.metrics)
        nothing = not scores and self.found_nothing()
        print_scores(scores, NOTHING if nothing else NO_SCORES)
        if scores or nothing:
            self.guard(runner, self.write_report)

    def found_nothing(self) -> bool:
        """Whether the metric has no figures because the detector found nothing."""
        files = [
            Path(f'{metric.outfile_prefix}.bbox.json')
            for metric in self.evaluators
            if not metric.format_only
        ]
        return any(path.is_file() and path.read_bytes() == b'[]' for path in files)

    def guard(self, runner: Runner, write: Callable[[Runner], None]) -> None:
        """Call ``write``; days of training must not end for a report."""
        try:
            write(runner)
        except ReportError as error:
            runner.logger.warning(f'no report: {error}')
        except Exception:
            runner.logger.exception('the report was not written; the run continues')

    def write_record(self, runner: Runner) -> None:
        self.facts = record.run_facts(runner)
        record.write_record(Path(runner.work_dir), self.facts, self.metrics or {})

    def write_report(self, runner: Runner) -> None:
        # Only now: a training must not need the libraries that draw its report.
        from .model_complexity import complexity_of
        from .write import write_report

        folder = Path(runner.work_dir)
        counted = complexity_of(runner.cfg)
        self.facts['complexity'] |= counted
        record.write_record(folder, self.facts, self.metrics or {})
        # The data are those of the run's own config, wherever they lie.
        images = folder / self.facts['images']
        page = write_report(
            [str(folder)],
            folder,
            ann=folder / self.facts['annotations'],
            images=images if images.is_dir() else None,
            replicates=self.replicates,
        )
        Console().print(
            f'report: {page}', markup=False, highlight=False, soft_wrap=True
        )


def print_scores(table: dict, absent: str) -> None:
    """Show the AP table in the terminal, or why there is none."""
    console = Console()
    if not table:
        console.print(absent)
        return
    shown = Table(title='COCO evaluation (%)')
    for column in ('', *record.COLUMNS):
        shown.add_column(column, justify='right')
    for kind, row in table.items():
        values = (row.get(column) for column in record.COLUMNS)
        cells = ('–' if v is None else f'{100 * v:.1f}' for v in values)
        shown.add_row(KINDS[kind], *cells)
    console.print(shown)
