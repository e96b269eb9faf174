"""Feed the report from the evaluations of a mmengine run."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from .curves import draw_curves
from .page import coco_table, print_summary, run_facts, write_page
from .samples import draw_samples


@HOOKS.register_module()
class ReportHook(Hook):
    """Keep report.md, results.json and their pictures in the work dir up to date.

    They are written after every evaluation, in training and in testing, so that a run
    that is stopped leaves the report of its last evaluation.

    Args:
        num_images: How many of the first evaluated images are drawn.
        score_thr: Predictions below this score are not drawn.
    """

    priority = 'LOWEST'  # after LoggerHook has written the figures that are plotted

    def __init__(self, num_images: int = 8, score_thr: float = 0.3) -> None:
        self.num_images = num_images
        self.score_thr = score_thr
        self.samples: list = []
        self.metrics: dict[str, float] | None = None  # of the last evaluation

    def before_val_epoch(self, runner: Runner) -> None:
        self.samples = []

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        wanted = self.num_images - len(self.samples)
        self.samples += [sample.cpu() for sample in outputs[:wanted]]

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self.metrics = metrics or {}
        if not is_main_process():
            return
        try:
            self.write(runner)
        except Exception:  # days of training must not end for a picture
            runner.logger.exception('the report was not written; the run goes on')

    before_test_epoch = before_val_epoch
    after_test_iter = after_val_iter
    after_test_epoch = after_val_epoch

    def after_run(self, runner: Runner) -> None:
        if self.metrics is not None and is_main_process():
            print_summary(coco_table(self.metrics), Path(runner.work_dir) / 'report.md')

    def write(self, runner: Runner) -> None:
        """Write the whole report of the evaluation that has just ended."""
        folder = Path(runner.work_dir)
        classes = runner.visualizer.dataset_meta['classes']
        draw_samples(self.samples, classes, self.score_thr, folder / 'samples.png')
        has_curves = draw_curves(folder, folder / 'curves.png')
        write_page(folder, run_facts(runner), self.metrics, has_curves)
