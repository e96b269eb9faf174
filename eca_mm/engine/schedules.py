"""Schedules that a config gives in epochs, after a resume with longer or shorter ones.

mmengine's ``convert_to_iter_based`` turns epochs into iterations when the scheduler is
built, and a resume brings the iterations of the old length back: the learning rate
would never reach its end, or long before the run does.
"""

from mmengine.optim import _ParamScheduler
from mmengine.runner import Runner

from .parts import param_schedulers

# What the schedulers count in iterations.
TIMES = (
    'begin', 'end', 'milestones', 'step_size', 'T_max', 'total_iters', 'total_steps',
    '_schedule_phases', 'periods', 'cumulative_periods',
)  # fmt: skip


def plans(runner: Runner) -> list[dict]:
    """What each scheduler has by the config, before a checkpoint is loaded."""
    return [
        {name: vars(scheduler)[name] for name in TIMES if name in vars(scheduler)}
        for scheduler in param_schedulers(runner)
    ]


def stretch(runner: Runner, built: list[dict], factor: float) -> None:
    """Give the schedulers their plan for today's epochs; the rate stays where it is.

    Args:
        built: Of :func:`plans`.
        factor: Today's length of an epoch by the old one.
    """
    for scheduler, plan in zip(param_schedulers(runner), built, strict=True):
        now = {name: vars(scheduler).get(name) for name in plan}
        # One that counts in iterations by the config has the same plan in any epoch.
        if not scheduler.by_epoch and now != plan:
            vars(scheduler).update(plan)
            move(scheduler, round(scheduler._global_step * factor))
        if hasattr(scheduler, 'total_steps'):
            # OneCycle's raises beyond its last step; a repeated epoch goes there.
            last = scheduler.begin + scheduler.total_steps
            scheduler.end = min(scheduler.end, last)


def move(scheduler: _ParamScheduler, step: int) -> None:
    """Set the step that a scheduler is at, as its own steps up to there would."""
    scheduler._global_step = step
    scheduler.last_step = max(-1, min(step, scheduler.end - 1) - scheduler.begin)


def without_code(checkpoint: dict) -> None:
    """Leave out of a checkpoint what its schedulers keep of code.

    mmengine's OneCycle saves the function that it anneals with. A file with code in it
    is read by no safe loader, and the config gives the same function again.
    """
    states = checkpoint.get('param_schedulers', [])
    of_each = states.values() if isinstance(states, dict) else [states]
    for state in (state for of_one in of_each for state in of_one):
        for name in [name for name, value in state.items() if callable(value)]:
            del state[name]
