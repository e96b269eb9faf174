"""A small detector, what it looks at, and a tool as from the command line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from eca_mm.engine import build_model

CONFIG = Path(__file__).parents[2] / 'projects/digits/configs/eca_mask_rcnn_r18.py'


@pytest.fixture(scope='session')
def root(tmp_path_factory) -> Path:
    """Images with a COCO file, a video, a text; a checkpoint with its config."""
    root = tmp_path_factory.mktemp('infer')
    (root / 'val').mkdir()
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    frames = [cv2.resize(f, (128, 128), interpolation=cv2.INTER_CUBIC) for f in frames]
    for i, frame in enumerate(frames):
        cv2.imwrite(str(root / 'val' / f'{i}.png'), frame)
    cfg = Config.fromfile(CONFIG)
    classes = cfg.metainfo.classes
    box = dict(bbox=[9, 9, 40, 40], area=1600, iscrowd=0, category_id=12)
    polygon = [[9, 9, 49, 9, 49, 49, 9, 49]]
    coco = dict(
        images=[
            dict(id=70 + i, file_name=f'{i}.png', width=128, height=128)
            for i in range(4)
        ],
        annotations=[dict(box, id=1, image_id=70, segmentation=polygon)],
        categories=[dict(id=10 + i, name=name) for i, name in enumerate(classes)],
    )
    (root / 'val.json').write_text(json.dumps(coco))
    video = cv2.VideoWriter(
        str(root / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 5, (128, 128)
    )
    for frame in frames[:3]:
        video.write(frame)
    video.release()
    torch.manual_seed(0)
    state = build_model(cfg).state_dict()
    # Sure enough of all that it finds to be drawn
    state['roi_head.bbox_head.fc_cls.weight'] *= 40
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict=state, meta=meta), root / 'model.pth')
    torch.save(dict(state_dict=state), root / 'bare.pth')
    (root / 'notes.txt').write_text('nothing to see')
    (root / 'broken.jpg').write_bytes(b'no image')
    (root / 'broken.mp4').write_bytes(b'no video')
    return root
