"""Every scheduler of mmengine's: its checkpoints are read, and continue as it would."""

import pytest
from mmengine.hooks import Hook
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner
from small_run import Score, small_runner

from eca_mm.checkpoints.safe import load_file
from eca_mm.engine.resume import newest_checkpoint

BY_ITERATION = dict(by_epoch=False)
KINDS = dict(
    Constant=dict(factor=0.5, end=7, **BY_ITERATION),
    CosineAnnealing=dict(T_max=8, eta_min=0.001, **BY_ITERATION),
    CosineRestart=dict(periods=[4, 8], restart_weights=[1, 0.5], eta_min=0.001,
                       **BY_ITERATION),
    Exponential=dict(gamma=0.8, **BY_ITERATION),
    Linear=dict(start_factor=0.1, end=6, **BY_ITERATION),
    MultiStep=dict(milestones=[3, 6], **BY_ITERATION),
    OneCycle=dict(eta_max=0.02, total_steps=12, **BY_ITERATION),
    Poly=dict(eta_min=0.001, power=0.9, end=8, **BY_ITERATION),
    ReduceOnPlateau=dict(monitor='acc', rule='greater', patience=0),
    Step=dict(step_size=3, gamma=0.5, **BY_ITERATION),
)  # fmt: skip


class Rates(Hook):
    """Learning rate and momentum by iteration; a stop at one of them."""

    def __init__(self, stop_at: int = -1) -> None:
        self.stop_at = stop_at
        self.of: dict[int, dict] = {}

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.stop_at:
            raise KeyboardInterrupt
        wrapper = runner.optim_wrapper
        self.of[runner.iter] = dict(wrapper.get_lr(), **wrapper.get_momentum())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


def scheduler_names() -> list[str]:
    return [n for n in PARAM_SCHEDULERS.module_dict if n.endswith(('LR', 'Momentum'))]


@pytest.mark.parametrize('name', sorted(scheduler_names()))
def test_saved_and_resumed(tmp_path, name):
    settings = dict(
        param_scheduler=dict(
            type=name, **KINDS[name.removesuffix('LR').removesuffix('Momentum')]
        ),
        randomness=dict(seed=1),
    )
    whole = Rates()
    Score.scores[:] = [0.5, 0.4, 0.3]  # the plateau is reached before the stop
    small_runner(tmp_path / 'whole', hooks=[whole], **settings).train()
    assert len({str(rate) for rate in whole.of.values()}) > 1, 'nothing is scheduled'
    each = dict(interval=1, by_epoch=False)
    Score.scores[:] = [0.5, 0.4, 0.3]
    with pytest.raises(KeyboardInterrupt):
        small_runner(tmp_path / 'run', each, hooks=[Rates(9)], **settings).train()
    last = newest_checkpoint(tmp_path / 'run')
    assert load_file(last)['meta']['iter'] == 9
    rest = Rates()
    runner = small_runner(
        tmp_path / 'run', each, hooks=[rest], resume=True, load_from=str(last),
        **settings,
    )  # fmt: skip
    runner.train()
    assert rest.of == {i: whole.of[i] for i in range(9, 12)}
