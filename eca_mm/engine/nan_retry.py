"""A tenth of the learning rate, for the try after a loss that was no number."""

from collections.abc import MutableMapping

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .parts import optim_wrappers, param_schedulers

FACTOR = 0.1

# Where the learning rate stands in a group of the optimiser and in a schedule.
OF_GROUP = ('lr', 'initial_lr', 'max_lr', 'min_lr')
OF_SCHEDULE = ('base_values', '_last_value', 'eta_min', 'min_values')


class LowerRateHook(Hook):
    """Multiply the learning rates of the rest of a run, schedules included, by 0.1.

    Its checkpoints have them so. It is not for configs: there it would do so again in
    every run that is resumed.
    """

    def before_train(self, runner: Runner) -> None:
        for optim_wrapper in optim_wrappers(runner):
            for group in optim_wrapper.param_groups:
                lower(group, OF_GROUP)
        for scheduler in param_schedulers(runner):
            if scheduler.param_name == 'lr':
                lower(vars(scheduler), OF_SCHEDULE)


def lower(values: MutableMapping, names: tuple[str, ...]) -> None:
    """Multiply what is there of some numbers and lists of numbers."""
    for name in names:
        value = values.get(name)
        if isinstance(value, list):
            values[name] = [FACTOR * v for v in value]
        elif value is not None:
            values[name] = FACTOR * value
