"""Write the backbone and neck of a detector as an ONNX file, and check the file."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from eca_mm import export
from eca_mm.backbones.fold import describe
from eca_mm.engine import (
    RequestError,
    RunStopped,
    build_detector,
    read_config,
    refuse_problems,
)
from eca_mm.engine.arguments import parsed
from eca_mm.engine.weights import load_weights
from eca_mm.files import replaced

TOLERANCE = 1e-4  # relative to the largest value of an output; float32 leaves 1e-6


def load_features(cfg: Config, checkpoint: str) -> export.Features:
    """Backbone and neck with the weights of a checkpoint, in eval mode.

    Raises:
        RequestError: The config has none, or the checkpoint lacks a tensor of theirs.
    """
    features = export.Features(build_detector(cfg))
    load_weights(features, checkpoint)
    return features.train(False)


@contextmanager
def told_in_one_line(args: Namespace) -> Iterator[None]:
    """What torch's exporter raises, as a user is told of it."""
    try:
        yield
    except ValueError as error:
        if args.opset is None:
            raise
        raise RequestError(f'--opset {args.opset}: {error}') from error
    except torch.onnx.OnnxExporterError as error:
        reason = (str(error).splitlines() or [''])[0]
        raise RunStopped(f'torch cannot export {args.config}: {reason}') from error


def export_features(features: export.Features, cfg: Config, args: Namespace) -> None:
    """Write the file, unless the check fails."""
    width, height = args.shape
    folded, found = export.folded(features)
    print(f'{describe(found)}; exporting', flush=True)
    with told_in_one_line(args):
        program = export.to_onnx(folded, height, width, args.opset)
    with torch.no_grad():
        outputs = features(torch.zeros(1, features.channels, height, width))
    strides = [round(height / output.shape[2]) for output in outputs]
    program.model.metadata_props.update(
        export.describe_input(cfg, features.channels, strides)
    )
    shapes = [
        (2, height, width),
        (1, height + 32, width - 64),
        (3, height // 2 + 5, width // 2 + 11),
    ]
    with replaced(args.out) as path:
        program.save(path)
        print('checking', flush=True)
        found = export.largest_difference(path, features, shapes)
        for shape, difference in found.items():
            print(f'  {shape}: {difference:.1e}')
        if not max(found.values()) <= TOLERANCE:  # NaN is no less
            raise RunStopped(
                f'onnxruntime differs from torch by more than {TOLERANCE} of the '
                f'largest value; {args.out} was not written'
            )


def main(args: Namespace) -> None:
    if args.whole:
        from . import export_whole

        return export_whole.main(args)
    cfg = read_config(args.config, parsed(args.cfg_options))
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    cfg.load_from = args.checkpoint
    refuse_problems(cfg, splits=())
    features = load_features(cfg, args.checkpoint)
    export_features(features, cfg, args)
    print(args.out)
