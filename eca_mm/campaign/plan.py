"""What a campaign is to do: its runs, where they lie, and what each is made of."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from eca_mm.config_leaves import leaves
from eca_mm.engine import RequestError, read_config
from eca_mm.engine.arguments import parsed
from eca_mm.engine.preflight.work_dir import NOT_COMPARED
from eca_mm.files import replaced

from .rows import Row

PLAN = 'campaign.json'
NO_REPORT = (
    'row {}: its hooks have no ReportHook, which keeps the results that rows are '
    "compared by: add dict(type='ReportHook') to its custom_hooks"
)


@dataclass(frozen=True)
class Run:
    """One row with one seed.

    Attributes:
        folder: Work dir of the training and of the test.
        job: Folder of what the campaign and its job note, and of their logs.
    """

    row: str
    seed: int
    folder: Path
    job: Path

    def __str__(self) -> str:
        return f'{self.row}, seed {self.seed}'


@dataclass
class Plan:
    """A comparison that was asked for.

    Attributes:
        options: What ``--cfg-options`` gave, as KEY=VALUE.
        configs: Of each row, with the options in it.
        digests: Of these configs: what a run was begun with it has to end with.
    """

    folder: Path
    rows: list[Row]
    seeds: list[int]
    options: list[str] = field(default_factory=list)
    configs: dict[str, Config] = field(init=False)
    digests: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        settings = parsed(self.options)
        if 'randomness.seed' in settings:
            raise RequestError(
                '--cfg-options randomness.seed: the campaign sets it; give --seeds'
            )
        self.configs = {
            row.name: read_config(str(row.config), dict(settings)) for row in self.rows
        }
        self.digests = {name: digest(cfg) for name, cfg in self.configs.items()}
        silent = [name for name, cfg in self.configs.items() if not reports(cfg)]
        if silent:  # not after hours of training, of which nothing could be compared
            raise RequestError(*(NO_REPORT.format(name) for name in silent))

    def refuse_edited(self, row: str) -> None:
        """Refuse to train a config that was edited while the campaign runs.

        Raises:
            RequestError: It does not say any more what it said at the start.
        """
        (config,) = (r.config for r in self.rows if r.name == row)
        if digest(read_config(str(config), parsed(self.options))) != self.digests[row]:
            raise RequestError(
                f'row {row}: {config} was edited while the campaign ran: take that '
                'back, or name another --out'
            )

    def runs(self) -> list[Run]:
        """Seed by seed: a campaign that is stopped early still compares all rows."""
        return [
            run_of(self.folder, row.name, seed)
            for seed in self.seeds
            for row in self.rows
        ]

    def write(self) -> None:
        """Note the plan where ``--status`` finds it."""
        content = dict(rows=[row.name for row in self.rows], seeds=self.seeds)
        with replaced(self.folder / PLAN) as path:
            path.write_text(json.dumps(content, indent=2) + '\n')


def run_of(folder: Path, row: str, seed: int) -> Run:
    place = Path(row) / f'seed_{seed}'
    return Run(row, seed, folder / 'runs' / place, folder / 'jobs' / place)


def runs_in(folder: Path) -> list[Run]:
    """The runs of the campaign that was last started in a folder.

    Raises:
        RequestError: There is none.
    """
    try:
        plan = json.loads((folder / PLAN).read_text())
        pairs = [(row, int(seed)) for seed in plan['seeds'] for row in plan['rows']]
    except FileNotFoundError:
        raise RequestError(f'{folder} has no campaign: there is no {PLAN}') from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f'{folder / PLAN} is not a plan of a campaign ({error}): start the '
            'campaign again, which writes it'
        ) from None
    return [run_of(folder, row, seed) for row, seed in pairs]


def reports(cfg: Config) -> bool:
    """Whether a run of this config leaves results, by ReportHook or a kind of it."""
    from mmengine.registry import HOOKS

    from eca_mm.report import ReportHook  # both late: --status needs no mmdet

    own = cfg.get('custom_hooks') or []
    hooks = [*own, *filter(None, (cfg.get('default_hooks') or {}).values())]
    types = [hook.get('type') for hook in hooks]
    found = [HOOKS.get(kind) if isinstance(kind, str) else kind for kind in types]
    classes = [kind for kind in found if isinstance(kind, type)]
    return any(issubclass(kind, ReportHook) for kind in classes)


def digest(cfg: Config) -> str:
    """What two configs have in common if they say the same, whatever their files."""
    lines = sorted(map(repr, leaves(cfg.to_dict(), NOT_COMPARED)))
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]
