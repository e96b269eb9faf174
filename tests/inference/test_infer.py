"""tools/infer.py: equal to tools/test.py, videos, and what is skipped or rejected."""

import csv
import json
from pathlib import Path

import cv2
import pytest
import torch

CONFIG = Path(__file__).parents[2] / 'projects/digits/configs/eca_mask_rcnn_r18.py'


def test_equal_to_the_test_tool(run, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [
        'custom_hooks=[]',  # no report
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        f'test_dataloader.dataset.data_root={root}/',
        'test_dataloader.dataset.ann_file=val.json',
        f'test_evaluator.ann_file={root}/val.json',
    ]
    arguments = [CONFIG, root / 'model.pth', '--out', 'wanted.json', '--cfg-options']
    status, _, error = run('test', *arguments, *options)
    assert status == 0, error
    wanted = json.loads(Path('wanted.json').read_text())
    ann = ['--ann', root / 'val.json', '--out', tmp_path / 'out', '--batch', 16]
    status, said, error = run('infer', root / 'model.pth', root / 'val', *ann)
    assert status == 0, error
    found = json.loads((tmp_path / 'out/results.json').read_text())
    assert len(found) > 20 and 'segmentation' in found[0]
    assert found == wanted
    pictures = {path.name for path in (tmp_path / 'out/pictures').iterdir()}
    assert pictures == {f'{i}.png' for i in range(4)}
    assert '4 images, ' in said and 'images/s' in said


def test_a_video_and_images_of_one_name(run, root, tmp_path):
    (tmp_path / 'more').mkdir()
    (tmp_path / 'more' / '0.png').write_bytes((root / 'val/0.png').read_bytes())
    out = tmp_path / 'out'
    inputs = [root / 'clip.mp4', root / 'val' / '[01].png', tmp_path / 'more/0.png']
    arguments = [root / 'bare.pth', *inputs, '--config', CONFIG, '--out', out]
    status, said, error = run('infer', *arguments, '--score-thr', 0.4, '--batch', 2)
    assert status == 0, error
    names = {path.name for path in (out / 'pictures').iterdir()}
    assert names == {'clip.mp4', '0.png', '1.png', '0_2.png'}
    video = cv2.VideoCapture(str(out / 'pictures/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3 and video.get(cv2.CAP_PROP_FPS) == 5
    picture = cv2.imread(str(out / 'pictures/0.png'))
    assert (picture != cv2.imread(str(root / 'val/0.png'))).any()  # something is drawn
    images = json.loads((out / 'images.json').read_text())
    assert [image['file_name'] for image in images['images']] == [
        *(f'clip.mp4#{i}' for i in range(3)), '0.png', '1.png', '0.png'
    ]  # fmt: skip
    rows = list(csv.DictReader((out / 'detections.csv').open()))
    results = json.loads((out / 'results.json').read_text())
    sure = [row for row in results if row['score'] >= 0.4]
    assert 0 < len(rows) == len(sure) < len(results)
    assert images['categories'][0] == dict(id=1, name='zero')  # not COCO's person
    kinds = {c['id']: c['name'] for c in images['categories']}
    for row, result in zip(rows, sure, strict=True):
        assert row['class'] == kinds[result['category_id']]
        assert float(row['score']) == pytest.approx(result['score'], abs=1e-4)
        assert float(row['width']) == pytest.approx(result['bbox'][2], abs=0.06)
        assert (row['frame'] != '') == (result['image_id'] <= 3)


def test_what_cannot_be_read_is_named_and_skipped(run, root, tmp_path):
    bad = [
        root / name for name in ('broken.jpg', 'broken.mp4', 'notes.txt', 'none.png')
    ]
    good = root / 'val/3.png'
    out = tmp_path / 'out'
    status, said, error = run('infer', root / 'model.pth', *bad, good, '--out', out)
    assert status == 0 and said.startswith('1 images')
    for path in bad:
        assert f'skipped: {path}: ' in error
    out = tmp_path / 'none'
    status, _, error = run('infer', root / 'model.pth', *bad, '--out', out)
    assert status == 2
    assert error.splitlines()[-1] == 'error: no input could be read'
    assert not list(out.glob('*.*'))


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['ROOT/absent.pth', 'ROOT/val'], 'absent.pth not found'),
        (['ROOT/model.pth', 'ROOT/*.png'], 'no usable input'),
        (['ROOT/bare.pth', 'ROOT/val'], 'holds no config: give it with --config'),
        (['ROOT/evil.pth', 'ROOT/val'], 'line 1 does more than set a value'),
        (['ROOT/model.pth', 'ROOT/val', '--config', 'none.py'], 'none.py not found'),
        (['ROOT/model.onnx', 'ROOT/val'], 'model.onnx not found'),
        (['ROOT/model.pth', 'ROOT/val', '--batch', '0'], 'give at least 1'),
        (['ROOT/model.pth', 'ROOT/val', '--score-thr', '2'], 'from 0 to 1'),
        (['ROOT/model.pth', 'ROOT/val', '--device', 'abacus'], '--device abacus'),
        (['ROOT/model.pth', 'ROOT/val', '--device', 'meta'], '--device meta cannot'),
        (['ROOT/model.pth', 'ROOT/val', '--out', 'ROOT/val.json'], 'name a folder'),
        (['ROOT/model.pth', 'ROOT/val', '--ann', 'ROOT/notes.txt'], 'notes.txt'),
        (['ROOT/other.pth', 'ROOT/val'], 'checkpoint: nothing of'),
    ],
)
def test_wrong_requests(run, root, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    content = torch.load(root / 'model.pth', weights_only=True)
    meta = dict(content['meta'], cfg='__import__("os").system("touch ran")')
    torch.save(dict(content, meta=meta), root / 'evil.pth')
    torch.save(dict(content, state_dict=dict(a=torch.ones(1))), root / 'other.pth')
    status, _, error = run('infer', *(a.replace('ROOT', str(root)) for a in arguments))
    last = error.splitlines()[-1]
    assert status == 2 and last.startswith('error: ') and said in last, error
    assert not (tmp_path / 'ran').exists()
