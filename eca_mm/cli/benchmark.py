"""Measure what attention costs: time, memory, and bytes kept for the backward pass.

Blocks' ends, backbones or whole detectors take turns, and every time is set beside the
baseline's of the same round.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial

import torch
from rich.console import Console
from rich.table import Table

import eca_mm
from eca_mm.analysis import cost, cost_table, operator_profile, paper_speed, providers
from eca_mm.analysis.block_tail import STAGES
from eca_mm.analysis.workload import STEPS, Settings, Workload
from eca_mm.analysis.workloads import by_level
from eca_mm.engine import RequestError, RunStopped, read_config
from eca_mm.environment import commit, device_name, versions
from eca_mm.files import replaced, write_csv
from eca_mm.progress import progress

from . import benchmark_engine

PACKAGES = ('torch', 'mmdet', 'mmcv', 'triton', 'timm')
OPERATORS = 15  # rows of a profile


def models(
    args: argparse.Namespace, settings: Settings
) -> Iterator[tuple[str, dict[str, Workload]]]:
    """Name of each model that the arguments ask for, and its workloads by provider."""
    detectors = args.level == 'detector'
    configs = [read_config(path) for path in args.config] if detectors else []
    try:
        yield from by_level(args.level, args.names, settings, configs)
    except ValueError as error:
        raise RequestError(str(error)) from None


def settle(args: argparse.Namespace) -> None:
    """Fill in what depends on the machine, and what that makes of the names.

    Raises:
        RequestError: A GPU is asked for where torch sees none, or torch.compile, where
            it does not work, cannot be left out.
    """
    gpu = torch.cuda.is_available()
    if args.device == 'cuda' and not gpu:
        raise RequestError('--device cuda: torch sees no GPU here')
    args.device = args.device or ('cuda' if gpu else 'cpu')
    if args.tf32 and args.device == 'cpu':
        raise RequestError('--tf32 means nothing on the CPU: leave it out')
    if args.tf32:
        torch.backends.cudnn.allow_tf32 = args.tf32 == 'on'
        torch.backends.cuda.matmul.allow_tf32 = args.tf32 == 'on'
    args.names = without_compiled(args.names, args)
    fuse = any(map(providers.folds, args.names))
    args.steps = ['inference'] if fuse else list(STEPS)


def without_compiled(found: list[str], args: argparse.Namespace) -> list[str]:
    """The names without those that torch.compile cannot serve here, which it says."""
    compiled = [name for name in found if name.endswith(providers.COMPILED)]
    obstacle = providers.compile_obstacle(args.device) if compiled else None
    if obstacle is None:
        return found
    if args.baseline in compiled or args.profile in compiled:
        raise RequestError(f'torch.compile does not work here: {obstacle}')
    skipped = ', '.join(compiled)
    print(f'skipped {skipped}: torch.compile fails here: {obstacle}', file=sys.stderr)
    return [name for name in found if name not in compiled]


def settings_of(args: argparse.Namespace) -> Settings:
    return Settings(
        device=args.device,
        dtype=getattr(torch, args.dtype),
        amp=args.amp,
        channels_last=args.channels_last,
        batch=args.batch,
        size=paper_speed.SIZE if args.paper_table else tuple(args.shape),
        depth=args.depth,
        frozen_stages=args.frozen_stages,
        norms=args.norms,
    )


def measure(args: argparse.Namespace, settings: Settings) -> list[dict]:
    """All rows of the CSV file."""
    if args.paper_table:
        runs = [len(paper_speed.rows_of(backbone)) for backbone in args.backbones]
    else:
        runs = [len(args.names)] * (len(STAGES) if args.level == 'layer' else 1)
    rows = []
    ticks = sum(cost.ticks(count, args.rounds, args.steps) for count in runs)
    with progress(ticks, 'measuring') as bar:
        common = (args.rounds, settings, bar.update)
        if args.paper_table:
            for backbone in args.backbones:
                rows += paper_speed.measure_backbone(backbone, *common)
        else:
            for model, workloads in models(args, settings):
                found = cost.measure(workloads, args.baseline, *common, args.steps)
                rows += [dict(model=model, **row) for row in found]
    return [row | circumstances(args, settings) for row in rows]


def circumstances(args: argparse.Namespace, settings: Settings) -> dict:
    """What the figures depend on, for every row of the CSV."""
    dtype = settings.dtype
    if settings.amp:
        dtype = torch.get_autocast_dtype(settings.device)
    return dict(
        level=args.level,
        batch=settings.batch,
        size='x'.join(map(str, settings.size)),
        precision=('amp ' if settings.amp else '') + str(dtype).removeprefix('torch.'),
        tf32=tf32(settings.device),
        memory_format='channels_last' if settings.channels_last else 'contiguous',
        frozen_stages=settings.frozen_stages if args.level == 'backbone' else '',
        norms=settings.norms if args.level in ('backbone', 'layer') else '',
        rounds=args.rounds,
        device_type=settings.device,
        device=device_name(settings.device),
        **versions(PACKAGES),
        eca_mm=eca_mm.__version__,
        commit=commit(),
    )


def tf32(device: str) -> str:
    """Where products in float32 are TF32's; empty on the CPU."""
    if device == 'cpu':
        return ''
    convolutions = torch.backends.cudnn.allow_tf32
    if torch.backends.cuda.matmul.allow_tf32 == convolutions:
        return 'on' if convolutions else 'off'
    return 'convolutions' if convolutions else 'matrix products'


def print_profiles(args: argparse.Namespace, settings: Settings) -> None:
    """For each model and step the operators that differ most from the baseline's."""
    for model, workloads in models(args, settings):
        for step in args.steps:
            times = []
            for workload in workloads.values():
                workload.train(step == 'training step')
                one = partial(STEPS[step], workload)
                times.append(
                    operator_profile.operator_times(one, args.rounds, settings.device)
                )
            rows = operator_profile.compare(*times)
            title = f'{model}, {step}: ms of each operator without those it calls'
            print_profile(title, args.names, rows)


def print_profile(title: str, names: list[str], rows: list[dict]) -> None:
    table = Table('operator', *names, 'difference', title=title)
    columns = ('first', 'second', 'difference')
    for row in rows[:OPERATORS]:
        table.add_row(row['operator'], *(f'{row[name]:.2f}' for name in columns))
    table.add_section()
    sums = (sum(row[name] for row in rows) for name in columns)
    table.add_row('all operators', *(f'{value:.2f}' for value in sums))
    Console().print(table)


def write(args: argparse.Namespace, rows: list[dict]) -> None:
    if args.out:
        write_csv(args.out, rows)
    if args.markdown:
        with replaced(args.markdown) as path:
            path.write_text(cost_table.as_markdown(rows))
    if args.plot:
        with replaced(args.plot) as path:
            cost_table.draw(rows).savefig(path, dpi=110)


def measure_engine(args: argparse.Namespace) -> list[dict]:
    with progress(2 * args.rounds, 'measuring') as bar:
        return benchmark_engine.measure(args, bar.update)


def main(args: argparse.Namespace) -> None:
    if args.level == 'engine':
        rows = measure_engine(args)
        Console().print(cost_table.as_rich(rows))
        return write(args, rows)
    settle(args)
    settings = settings_of(args)
    try:
        if args.profile:
            return print_profiles(args, settings)
        rows = measure(args, settings)
    except torch.cuda.OutOfMemoryError as error:
        raise RunStopped(f'{error}: lower --batch or --shape') from None
    Console().print(cost_table.as_rich(rows))
    write(args, rows)
