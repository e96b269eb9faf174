"""Whether a config trains and evaluates as the paper did, setting by setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isclose

import yaml

from .settings import (
    begins_trained,
    epochs_done,
    images_in_a_step,
    rate_of_a_step,
    transforms,
    value_at,
)
from .tables import DETECTORS

TRAIN = 'train'  # the stage of settings that only a training has
COPIED = ('NL', 'GC')  # methods whose rows the paper took from GCNet
# Settings that depend on the number of GPUs.
BATCH = ('<images>', '<rate>')
ATTENTION = '<attention>'  # whether it begins trained
DONE = '<epochs>'  # a setting that only a run has, and not its config


@dataclass(frozen=True)
class Setting:
    """A row of protocol.yaml, where its fields are explained; ``group`` is its group.

    Attributes:
        values: Its value by the rules 'v1', 'paper', 'gcnet' and 'v3', as far as given:
            one for all detectors, or a dict with one for each.
    """

    group: str
    stage: str
    name: str
    path: str
    of: tuple[str, ...]
    values: dict[str, object]
    worth: str
    source: tuple[str, ...]

    def value(self, rules: str, row: dict) -> object:
        """What the rules 'v1', 'paper' or 'v3' want of a row of table 5."""
        order = {
            'v1': ['v1'],
            'v3': ['v3', 'v1'],
            'paper': ['gcnet'] * (row['method'] in COPIED) + ['paper', 'v1'],
        }[rules]
        value = next(self.values[key] for key in order if key in self.values)
        return value[DETECTORS[row['detector']]] if isinstance(value, dict) else value

    def found(self, run: 'Protocol') -> object:
        """What a run has."""
        if self.path == '<images>':
            return images_in_a_step(run.cfg, run.world_size)
        if self.path == '<rate>':
            return rate_of_a_step(run.cfg, run.world_size)
        if self.path == DONE:
            return epochs_done(run.cfg, run.world_size, run.iteration)
        if self.path == ATTENTION:
            return begins_trained(run.cfg, run.row['method'])
        path = self.path.format(split=run.split)
        if path.endswith(' transforms>'):
            return transforms(run.cfg, path.removesuffix(' transforms>')[1:])
        return value_at(run.cfg, path, table()['defaults'])


@dataclass(frozen=True)
class Protocol:
    """How a row of the paper was trained and evaluated.

    Attributes:
        cfg: Its effective config.
        row: The row of table 5, as :func:`.row_of_config.row_of` finds it.
        trained: Whether the config is that of the training; else only of a test.
        world_size: GPUs of the training, None where that is not known.
        iteration: Up to where it trained; None for a config that was not run.
    """

    cfg: Mapping
    row: dict
    trained: bool = True
    world_size: int | None = None
    iteration: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.cfg, Mapping):
            raise TypeError(f'cfg must be a dict, got {type(self.cfg).__name__}')

    @property
    def split(self) -> str:
        return 'val' if self.trained else 'test'

    @property
    def settings(self) -> list[Setting]:
        """Those that the detector has, and the run shows."""
        detector = DETECTORS[self.row['detector']]
        return [
            setting
            for setting in all_settings()
            if detector in setting.of
            and (self.trained or setting.stage != TRAIN)
            and (self.iteration is not None or setting.path != DONE)
        ]

    def differences(self, rules: str = 'paper') -> list['Difference']:
        """The settings that are not those of the rules 'paper', 'v1' or 'v3'."""
        found = [
            Difference(setting, setting.found(self), setting.value(rules, self.row))
            for setting in self.settings
        ]
        return [one for one in found if not equal(one.found, one.wanted)]


@dataclass(frozen=True)
class Difference:
    """A setting, what a run has, and what the rules want; None where there is none."""

    setting: Setting
    found: object
    wanted: object


def equal(found: object, wanted: object) -> bool:
    """Whether two plain values are the same; numbers to a millionth."""
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(equal, found, wanted))
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, (int, float)):
        return isclose(found, wanted, rel_tol=1e-6)
    return found == wanted


@cache
def table() -> dict:
    """protocol.yaml."""
    return yaml.safe_load(files(__package__).joinpath('protocol.yaml').read_text())


def zoo_scores(name: str) -> dict[str, float]:
    """AP of MMDetection's own model of a row, by 'bbox' and 'segm'; {} if none."""
    return table()['zoo'].get(name, {})


@cache
def all_settings() -> list[Setting]:
    """The settings of protocol.yaml, in its order."""
    return [
        Setting(
            group=name,
            stage=group.get('stage', ''),
            name=row['name'],
            path=row['path'],
            of=tuple(row.get('of') or group.get('of') or DETECTORS.values()),
            values={k: row[k] for k in ('v1', 'paper', 'gcnet', 'v3') if k in row},
            worth=row.get('worth', ''),
            source=tuple(row['source']),
        )
        for name, group in table()['groups'].items()
        for row in group['settings']
    ]
