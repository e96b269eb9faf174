import json
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

# Read when Triton is imported, which some of the imports below and torch.compile do:
# without a GPU its kernels run in its interpreter, on the CPU.
if not torch.cuda.is_available():
    os.environ.setdefault('TRITON_INTERPRET', '1')

from mmdet.datasets import CocoDataset
from mmdet.visualization import DetLocalVisualizer
from mmengine.registry import DefaultScope

from eca_mm.cli import run_command


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope='session', autouse=True)
def interrupts_are_heard():
    """Ctrl-C and a closed terminal, which a shell's background jobs may ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test downloads weights, the tools that it starts included."""
    monkeypatch.setenv('ECA_MM_OFFLINE', '1')


@pytest.fixture(autouse=True)
def nothing_left_by_runners():
    """A Runner leaves its scope and its visualiser to what the process builds next."""
    yield
    DefaultScope._instance_dict.clear()
    DetLocalVisualizer._instance_dict.clear()  # which writes into that run's work dir


@pytest.fixture
def run(monkeypatch, capsys):
    """A tool as from the command line: exit status, and both streams."""

    def run(tool, *args) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, args)])
        return run_command(tool), *capsys.readouterr()

    return run


@pytest.fixture
def repo() -> Path:
    return Path(__file__).parents[1]


@pytest.fixture
def feature_map():
    """(2, 7, 5, 6) float64 whose channels differ enough that every gate differs.

    With plain randn all gates lie near 0.5, and leaving the convolution out passes.
    """
    offset = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None, None]
    return torch.randn(2, 7, 5, 6, dtype=torch.float64) + offset


def make_coco(root: Path, counts: dict[str, int]) -> Path:
    """A stand-in in COCO's real layout: 80 categories, small noisy images."""
    rng = np.random.default_rng(0)
    names = CocoDataset.METAINFO['classes']
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(names)]
    (root / 'annotations').mkdir(parents=True)
    for split, count in counts.items():
        folder = root / f'{split}2017'
        folder.mkdir()
        images, annotations = [], []
        for i in range(count):
            name = f'{i:012d}.jpg'
            pixels = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / name), pixels)
            images.append(dict(id=i + 1, file_name=name, width=128, height=96))
            x, y, w, h = (
                int(v) for v in rng.integers((0, 0, 40, 40), (60, 50, 60, 45))
            )
            annotations.append(
                dict(
                    id=i + 1,
                    image_id=i + 1,
                    category_id=int(rng.integers(1, 81)),
                    bbox=[x, y, w, h],
                    area=w * h,
                    iscrowd=0,
                    segmentation=[[x, y, x + w, y, x + w, y + h, x, y + h]],
                )
            )
        coco = dict(images=images, annotations=annotations, categories=categories)
        path = root / 'annotations' / f'instances_{split}2017.json'
        path.write_text(json.dumps(coco))
    return root


@pytest.fixture
def coco_root(tmp_path) -> Path:
    return make_coco(tmp_path / 'data/coco', dict(train=4, val=2))
