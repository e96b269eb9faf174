"""--ann: an image has the id of the name that its path ends with, or none."""

import json
from pathlib import Path

import pytest

from eca_mm.errors import RequestError
from eca_mm.inference.coco_ids import read_ids


@pytest.fixture
def ids_of(tmp_path):
    def ids_of(*names: str):
        images = [dict(id=i, file_name=name) for i, name in enumerate(names, start=1)]
        categories = [dict(id=7, name='b'), dict(id=5, name='a')]
        path = tmp_path / 'ann.json'
        path.write_text(json.dumps(dict(images=images, categories=categories)))
        return read_ids(path, ['a', 'b'])

    return ids_of


def test_the_longest_end_counts(ids_of):
    ids = ids_of('a/0.png', 'b/0.png', 'clip.mp4#0', 'x/b/1.png', 'y/b/1.png')
    assert ids.categories == [5, 7]
    paths = [Path('/data/a/0.png'), Path('/data/b/0.png'), Path('clip.mp4')]
    assert [ids.of(path, None) for path in paths[:2]] == [1, 2]
    assert ids.of(paths[2], 0) == 3 and ids.of(Path('/y/b/1.png'), None) == 5
    ids.check(paths)


@pytest.mark.parametrize(
    ('names', 'paths', 'said'),
    [
        (['a/0.png', 'b/0.png'], ['/c/0.png'], '2 images that may be /c/0.png'),
        (['0.png'], ['/a/0.png', '/b/0.png'], 'one image for /a/0.png and /b/0.png'),
        (['0.png'], ['/a/0.png', '/a/1.png'], 'has no image 1.png'),
        (['clip.mp4'], ['/clip.mp4'], 'has no image clip.mp4#0'),
    ],
)
def test_what_has_no_id_of_its_own_is_refused(ids_of, names, paths, said):
    with pytest.raises(RequestError, match=said):
        ids_of(*names).check(map(Path, paths))


def test_inputs_are_compared_before_the_first_batch(run, root, tmp_path):
    (tmp_path / '0.png').write_bytes((root / 'val/0.png').read_bytes())
    words = [root / 'val', tmp_path / '0.png', '--ann', root / 'val.json']
    status, _, error = run('infer', root / 'model.pth', *words, '--out', tmp_path)
    assert status == 2 and 'has one image for' in error.splitlines()[-1]
    assert not list((tmp_path / 'pictures').iterdir())
