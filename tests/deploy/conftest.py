"""A checkpoint of a small Mask R-CNN, and its whole ONNX file by the tool, once."""

import contextlib
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from small_detectors import build, read

from eca_mm.cli import run_command


def call(tool: str, *args) -> tuple[int, str, str]:
    """A tool as from the command line: exit status, and both streams."""
    out, error, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = [f'{tool}.py', *map(str, args)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            status = run_command(tool)
    finally:
        sys.argv = argv
    return status, out.getvalue(), error.getvalue()


@pytest.fixture
def run():
    return call


@pytest.fixture(scope='session')
def exported(tmp_path_factory) -> SimpleNamespace:
    """Config, checkpoint, images, the ONNX file and what the tool said."""
    root = tmp_path_factory.mktemp('exported')
    cfg = read('two_levels')
    cfg.dump(root / 'small.py')
    state = build('two_levels').state_dict()
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=cfg.metainfo.classes))
    torch.save(dict(state_dict=state, meta=meta), root / 'small.pth')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate([(128, 128), (90, 128), (128, 101)]):
        coarse = rng.integers(0, 256, (height // 6, width // 6, 3), np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.BICUBIC)
        image.save(root / 'images' / f'{number}.png')
    words = [root / 'small.py', root / 'small.pth', root / 'small.onnx', '--whole']
    status, said, error = call(
        'export', *words, '--shape', 96, 64, '--image', root / 'images'
    )
    assert status == 0, error
    return SimpleNamespace(
        config=root / 'small.py',
        checkpoint=root / 'small.pth',
        images=root / 'images',
        file=root / 'small.onnx',
        said=said,
    )
