from copy import deepcopy

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from eca_mm.backbones.fold import describe, fold_norms

from .parts import bare


@HOOKS.register_module()
class FoldNormsHook(Hook):
    """Test a copy of the model whose norms are folded into its convolutions.

    A copy, because other hooks refer to the model: EMAHook exchanges its parameters
    before and after a test.
    """

    priority = 'VERY_HIGH'  # the model is back before others look at it after a test

    def __init__(self) -> None:
        self.model: nn.Module | None = None

    def before_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None
    ) -> None:
        # By the first batch the model is in eval mode and has its final parameters.
        if batch_idx == 0:
            self.model = runner.model
            runner.model = deepcopy(bare(runner.model))
            runner.logger.info(describe(fold_norms(runner.model)))

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if self.model is not None:  # else there was no batch
            runner.model, self.model = self.model, None
