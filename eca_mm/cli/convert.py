"""Convert published weights: the authors', timm's, mmpretrain's, torchvision's."""

import argparse
from pathlib import Path

from torch import nn

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.checkpoints.architecture import kernel_sizes
from eca_mm.checkpoints.convert import Converted, convert, save
from eca_mm.checkpoints.layouts import LAYOUTS
from eca_mm.checkpoints.load_report import LoadReport, load_report
from eca_mm.checkpoints.resize_eca import differ_in_kernel_sizes, resize
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.engine import RequestError, build_detector, read_config

DESCRIPTION = """\
Give published weights the names that the backbones and detectors here have, and say
which config they belong to. The file is read as data: nothing in it can run.

layouts:
  ecanet       the authors' ImageNet files: ECA-ResNet 18 to 152, ECA-MobileNetV2
  mmdet-v1     detectors of MMDetection 1.x, such as the authors' COCO files
  timm         ecaresnet50d, ecaresnet101d, seresnet18 to 152
  mmpretrain   SE-ResNet and ResNet, and our own backbones trained there
  torchvision  plain ResNet
"""
EPILOG = """\
examples:
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50.pth
  python tools/convert_checkpoint.py model.safetensors ecaresnet50d.pth --layout timm
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50.pth \\
      --config configs/eca_faster_rcnn_r50.py
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50_k5.pth \\
      --kernel-sizes 5 5 5 5
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('source', type=Path, help='the published file')
    parser.add_argument('out', type=Path, help='the file to write, a .pth')
    parser.add_argument(
        '--layout',
        choices=['auto', *LAYOUTS],
        default='auto',
        help='what the source has to be (default: find out)',
    )
    parser.add_argument(
        '--kernel-sizes',
        nargs='+',
        type=int,
        metavar='K',
        help="ECA's kernel sizes to make, one a stage: taps of zero are added at the "
        'ends, which changes nothing, or the end taps are cut',
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        '--config',
        help='config of a detector: report what the weights give it, and refuse '
        'weights of another architecture',
    )
    after.add_argument(
        '--keep-classifier',
        action='store_true',
        help='make it a classifier of mmpretrain (backbone.* and head.fc.*)',
    )
    return parser.parse_args()


def check_fit(converted: Converted, path: str) -> LoadReport:
    """What the weights give the model of a config.

    Raises:
        RequestError: The config has no such model, or one of another architecture;
            attention that the weights do not give is no reason.
    """
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


def main() -> None:
    args = parse_args()
    if args.out.exists() and args.source.exists() and args.out.samefile(args.source):
        raise RequestError(f'{args.out} is the source itself: give another name')
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
