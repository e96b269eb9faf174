"""What a benchmark measures side by side: configs, or providers of attention."""

import argparse
from pathlib import Path

from eca_mm.analysis import providers
from eca_mm.errors import RequestError


def config_names(args: argparse.Namespace) -> list[str]:
    """Names of several configs to measure, the baseline first."""
    paths = [Path(config) for config in args.config]
    found = [path.stem for path in paths]
    if len(set(found)) < len(found):  # as configs/modern's are named as configs'
        found = [f'{path.parent.name}/{path.stem}' for path in paths]
    if len(set(found)) < len(found):
        raise RequestError(f'--config: two of {found} have the same name')
    args.baseline = found[0]
    return found


def names(args: argparse.Namespace) -> list[str]:
    """Providers to measure, the baseline first."""
    if args.paper_table:
        return []
    if args.profile == args.baseline:
        raise RequestError(f'--profile {args.profile}: that is the baseline itself')
    wanted = [args.profile] if args.profile else args.providers
    wanted = wanted or [
        name
        for name in providers.usable()
        if args.level != 'layer' or providers.find(name).everywhere
    ]
    found = list(dict.fromkeys([args.baseline, *wanted]))
    for name in found:
        try:
            provider = providers.find(name)
        except ValueError as error:
            raise RequestError(str(error)) from None
        if args.level == 'layer' and not provider.everywhere:
            raise RequestError(f'{name} is one block of a network: --level backbone')
        if args.level == 'layer' and providers.folds(name):
            raise RequestError(f'{name} folds a whole network: --level backbone')
    return found
