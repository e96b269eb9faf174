"""infer on an ONNX file where only onnxruntime, NumPy and Pillow are."""

import json
import os
import subprocess
import sys
from pathlib import Path

ALONE = """\
import sys

NAMES = {'torch', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain', 'cv2', 'pycocotools',
         'rich', 'scipy', 'matplotlib', 'orjson', 'onnx', 'onnxscript', 'yaml',
         'filelock', 'hotcoco', 'faster_coco_eval', 'numba'}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in NAMES:
            raise ImportError(f'{name} is blocked')

sys.meta_path.insert(0, Blocked())
import eca_mm_start

status = eca_mm_start.main()
assert not NAMES & set(sys.modules), NAMES & set(sys.modules)
sys.exit(status)
"""


def alone(*words) -> subprocess.CompletedProcess:
    repo = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, '-c', ALONE, *map(str, words)],
        env=os.environ | dict(PYTHONPATH=str(repo)),
        capture_output=True,
        text=True,
    )


def test_without_torch_and_mmdet(exported, run, tmp_path):
    done = alone('infer', exported.file, exported.images, '--out', tmp_path / 'alone')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('3 images')
    assert len(list((tmp_path / 'alone/pictures').iterdir())) == 3
    status, _, error = run(
        'infer', exported.file, exported.images, '--out', tmp_path / 'beside'
    )
    assert status == 0, error
    found, right = (
        json.loads((tmp_path / name / 'results.json').read_text())
        for name in ('alone', 'beside')
    )
    assert found == right and len(found) > 60 and 'segmentation' in found[0]
    assert (tmp_path / 'alone/detections.csv').read_text().count('\n') > 10


def test_what_is_refused_alone(exported, tmp_path):
    (tmp_path / 'text.onnx').write_text('no model')
    done = alone('infer', tmp_path / 'text.onnx', exported.images)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and 'onnxruntime cannot run it' in line
    done = alone('infer', exported.checkpoint, exported.images)
    assert done.returncode == 2 and 'needs mmengine, mmcv, mmdet' in done.stderr
