"""Convert published weights: the authors', timm's, mmpretrain's, torchvision's."""

from argparse import Namespace
from pathlib import Path

from torch import nn

import eca_mm
from eca_mm.checkpoints.architecture import kernel_sizes
from eca_mm.checkpoints.convert import Converted, convert, save
from eca_mm.checkpoints.load_report import LoadReport, load_report
from eca_mm.checkpoints.resize_eca import differ_in_kernel_sizes, resize
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.errors import RequestError


def check_fit(converted: Converted, path: str) -> LoadReport:
    """What the weights give the model of a config.

    Raises:
        RequestError: The config has no such model, or one of another architecture;
            attention that the weights do not give is no reason.
    """
    eca_mm.register()  # not before: most of what goes wrong needs no MMDetection
    from eca_mm.engine import build_detector, read_config

    model = build_detector(read_config(path))
    state = converted.state_dict
    whole = any(key.startswith('backbone.') for key in state)
    report = load_report(model if whole else model.backbone, state)
    attention = {*report.random_attention, *report.identity_attention}
    shapes = [
        f'{name} is {tuple(found)} in the file and {tuple(wanted)} in the model'
        for name, (found, wanted) in report.mismatched.items()
    ]
    misfits = [
        *shapes,
        *(f'the model has no {name}' for name in report.unexpected),
        *(f'the file has no {key}' for key in report.missing if key not in attention),
    ]
    if misfits:
        raise RequestError(
            f'{converted.meta["source"]} does not fit {path}: {misfits[0]} '
            f'({len(misfits)} such tensors); it is for {config_line(converted)}'
            f'{sizes_hint(model, report)}'
        )
    return report


def sizes_hint(model: nn.Module, report: LoadReport) -> str:
    """How to make weights fit a model that has other kernel sizes, and no more."""
    attention = {*report.random_attention, *report.identity_attention}
    others = [*report.unexpected, *set(report.missing).difference(attention)]
    if others or not differ_in_kernel_sizes(report.mismatched):
        return ''
    sizes = ' '.join(map(str, kernel_sizes(model.backbone.state_dict())))
    return f'; --kernel-sizes {sizes} makes it fit'


def config_line(converted: Converted) -> str:
    return f'backbone={as_code(converted.meta["backbone"])}'


def as_code(value) -> str:
    """Plain values as configs are written: dict(a=1) for dicts."""
    if isinstance(value, dict):
        pairs = (f'{key}={as_code(item)}' for key, item in value.items())
        return f'dict({", ".join(pairs)})'
    if isinstance(value, list):
        return f'[{", ".join(map(as_code, value))}]'
    return repr(value)


def usage_line(converted: Converted, out: Path) -> str:
    """The setting by which a config loads the file."""
    pretrained = f"init_cfg=dict(type='Pretrained', checkpoint='{out}'"
    if any(key.startswith('head.fc.') for key in converted.state_dict):
        return f"{pretrained}, prefix='backbone.') in the backbone"
    if any(key.startswith('backbone.') for key in converted.state_dict):
        return (
            f"tools/test.py with a config of projects/legacy_v1, or load_from='{out}'"
        )
    return f'{pretrained}) in the backbone'


def sizes_line(meta: dict) -> str:
    if 'kernel_sizes' not in meta:
        return 'none, it has no ECA'
    before = f', of {meta["resized_from"]}' if 'resized_from' in meta else ''
    return f'{meta["kernel_sizes"]}{before}'


def print_summary(converted: Converted, out: Path, report: LoadReport | None) -> None:
    meta = converted.meta
    dropped = f': {", ".join(meta["dropped"])}' if meta['dropped'] else ''
    lines = {
        'source': f'{meta["source"]}, sha256 {meta["sha256"]}',
        'layout': meta['layout'],
        'tensors': f'{len(converted.state_dict)} carried over, '
        f'{len(meta["dropped"])} dropped{dropped}',
        'kernel sizes': sizes_line(meta),
        'config': config_line(converted),
    }
    if meta.get('lost'):
        lines['lost'] = '\n              '.join(meta['lost'])
    if report is not None:
        lines['loaded'] = '\n              '.join(report.lines())
    lines |= {'written': out, 'use': usage_line(converted, out)}
    for name, text in lines.items():
        print(f'{name:<12}  {text}')


def main(args: Namespace) -> None:
    try:
        converted = convert(args.source, args.layout, args.keep_classifier)
        if args.kernel_sizes:
            converted = Converted(
                *resize(converted.state_dict, converted.meta, args.kernel_sizes)
            )
    except CheckpointError as error:
        raise RequestError(str(error)) from error
    report = check_fit(converted, args.config) if args.config else None
    try:
        save(converted, args.out)
    except OSError as error:
        raise RequestError(f'{args.out} cannot be written: {error.strerror}') from error
    print_summary(converted, args.out, report)
