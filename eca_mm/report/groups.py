"""The groups of a report: the runs of one model with several seeds, or its only one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .runs import COLUMNS, KINDS, ReportError, Run, read_run

# What a command line or a campaign names: [NAME=]PATH[,PATH ...], or names and paths.
Requests = Sequence[str] | Mapping[str, Sequence[Path | str]]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone; a single run is a group of one.

    The only run of a group has the group's name, others that name and a number.
    """

    name: str
    runs: list[Run]

    @property
    def seeds(self) -> list[int | None]:
        """That the runs were trained with, where they say."""
        return [run.record.get('seed') for run in self.runs]


def read_groups(requests: Requests) -> list[Group]:
    """The groups that a command line or a campaign names.

    Raises:
        ReportError: A path is neither a work dir with results nor a file, a group has
            an empty entry, the same path twice or no name, or two have the same name.
    """
    if isinstance(requests, Mapping):
        named = [(name, [*map(str, paths)]) for name, paths in requests.items()]
    else:
        named = [split(request) for request in requests]
    groups = [read_group(name, paths) for name, paths in named]
    check_names([group.name for group in groups])
    check_names([run.name for group in groups for run in group.runs])
    return groups


def split(request: str) -> tuple[str, list[str]]:
    """Name and paths of [NAME=]PATH[,PATH ...]; the name is '' where there is none.

    A path that is there is taken as it stands, whatever signs are in it.
    """
    if Path(request).exists():
        return '', [request]
    name, equals, rest = request.partition('=')
    if not equals:
        name, rest = '', request
    return name, [rest] if Path(rest).exists() else rest.split(',')


def read_group(name: str, paths: list[str]) -> Group:
    if not paths or '' in paths:
        raise ReportError(
            f'{name or "a group"} has an empty entry: a group is NAME=PATH,PATH'
        )
    if len(paths) == 1:
        run = read_run(paths[0], name)
        return Group(run.name, [run])
    if not name:
        raise ReportError(
            f'{",".join(paths)} has no name: a group of seeds is NAME=PATH,PATH'
        )
    places = [Path(path).resolve() for path in paths]
    for path in places:
        if places.count(path) > 1:
            raise ReportError(f'{name} has the same run twice: {path.name}')
    runs = [read_run(path, f'{name} {i}') for i, path in enumerate(paths, 1)]
    return Group(name, runs)


def check_names(names: Iterable[str]) -> None:
    names = [*names]
    for name in names:
        if names.count(name) > 1:
            raise ReportError(
                f'two runs are called {name}: give them names, such as a=PATH b=PATH'
            )
        if name in COLUMNS:
            raise ReportError(
                f'no run can be called {name}, as a column of the report is: give it '
                'another name, such as a=PATH'
            )


def by_group(groups: list[Group], of_runs: Mapping, kind: str) -> dict[str, list]:
    """What each run of a group has of a kind; groups without any are left out.

    Raises:
        ReportError: Some runs of a group have it and some have not.
    """
    found = {}
    for group in groups:
        there = [run.name for run in group.runs if run.name in of_runs]
        if there and len(there) < len(group.runs):
            lacking = next(run.name for run in group.runs if run.name not in there)
            raise ReportError(
                f'{lacking} has no {KINDS[kind]} results, as {there[0]} has: evaluate '
                f'it anew, or leave it out of {group.name}'
            )
        if there:
            found[group.name] = [of_runs[name] for name in there]
    return found
