"""Run a trained detector on images and videos, and write what it finds."""

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice

from eca_mm.engine.signals import heard
from eca_mm.errors import RequestError, RunStopped
from eca_mm.inference.inputs import Inputs
from eca_mm.inference.outputs import Findings, check_out
from eca_mm.inference.seen import Model


def main(args: Namespace) -> None:
    inputs = Inputs.find(args.inputs)
    for problem in inputs.skipped:
        say(problem)
    if not inputs.paths:
        raise RequestError('no input is left: give images, videos or folders of them')
    out = check_out(args.out, inputs.paths, args.ann)
    findings = Findings(load_model(args), out, args.score_thr, args.ann)
    if findings.ids:
        findings.ids.check(inputs.paths)
    began = time.monotonic()
    try:
        with heard(stop):
            look(inputs, findings, args.batch)
    except OSError as error:  # such as of a full disk
        raise RequestError(f'--out {args.out}: {error.strerror or error}') from error
    images = len(findings.images)
    if not images:
        raise RequestError('no input could be read')
    speed = images / (time.monotonic() - began)
    print(
        f'{images} images, {findings.files.rows} detections of score '
        f'{args.score_thr:g} and more, {speed:.1f} images/s: {out}'
    )


def load_model(args: Namespace) -> Model:
    """By mmdet, or an ONNX file by onnxruntime."""
    if args.model.endswith('.onnx'):
        from eca_mm.inference.by_onnx import OnnxModel

        return OnnxModel(args.model, args.device)
    from eca_mm.inference.by_mmdet import MmdetModel
    from eca_mm.inference.model import load_inferencer

    return MmdetModel(load_inferencer(args.model, args.config, args.device))


def look(inputs, findings, batch: int) -> None:
    """Look at all; what was found before a signal or a failure is kept."""
    try:
        for some in batches(inputs.samples(findings.model.read), batch):
            findings.add(some)
    finally:
        findings.close()
        for problem in inputs.failed:
            say(problem)


def stop(number: int, frame) -> None:
    """Called at SIGTERM, Ctrl-C and a closed terminal."""
    name = signal.Signals(number).name
    raise RunStopped(f'by {name}: what was found until then is kept', 128 + number)


def batches(samples: Iterator, size: int) -> Iterator[list]:
    while batch := list(islice(samples, size)):
        yield batch


def say(problem: str) -> None:
    print(f'skipped: {problem}', file=sys.stderr)
