"""A tenth of the learning rate, for the retry after a loss that was not finite."""

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

    Its checkpoints contain the lower rates. Do not put it into a config: it would
    multiply them again at each resume.
    """

    def before_train(self, runner: Runner) -> None:
        for optim_wrapper in optim_wrappers(runner):
            for group in optim_wrapper.param_groups:
                lower(group, OF_GROUP)
        for scheduler in param_schedulers(runner):
            if scheduler.param_name == 'lr':
                lower(vars(scheduler), OF_SCHEDULE)


def lower(values: MutableMapping, names: tuple[str, ...]) -> None:
    """Multiply the numbers and lists of numbers that exist under some names."""
    for name in names:
        value = values.get(name)
        if isinstance(value, list):
            values[name] = [FACTOR * v for v in value]
        elif value is not None:
            values[name] = FACTOR * value
