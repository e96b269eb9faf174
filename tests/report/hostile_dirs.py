"""Work dirs that a stranger wrote: each tries one way out of its folder."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

MARK = 'of-nobody-else'  # in every file outside that must not reach a page
SCRIPT = '<script>alert(1)</script>'
FORMULA = '=HYPERLINK("http://example.invalid","x")'
LINK = '[x](javascript:alert(1)) ![x](http://example.invalid/x.png) `x` *x*'
DEEP = '[' * 100_000
NO_CAPTIONS = 'run: attention/captions.json is not read'
RUNS = 'open({proof!r}, "w")\nmodel = dict()\n'


@dataclass
class Place:
    """A work dir ``run``, its data, and ``secret`` beside them: what is not given."""

    root: Path
    given: dict = field(default_factory=dict)  # arguments of write_report

    def __post_init__(self) -> None:
        self.run, self.data = self.root / 'run', self.root / 'data'
        self.secret, self.proof = self.root / 'secret', self.root / 'executed'

    def change(self, name: str, **fields) -> None:
        """Replace fields of a JSON file of the work dir or its data."""
        path = self.root / name
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    def link(self, name: str, to: str) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)
        path.symlink_to(self.root / to)

    def pipe(self, name: str) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    def name_image(self, name: str) -> None:
        """Call the first image so in the annotations."""
        coco = json.loads((self.data / 'ann.json').read_text())
        coco['images'][0]['file_name'] = name
        (self.data / 'ann.json').write_text(json.dumps(coco))


def png(width: int, height: int) -> bytes:
    """The head of a PNG file of any size, with no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack('>I', zlib.crc32(kind + content))
        return struct.pack('>I', len(content)) + kind + content + crc

    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IEND', b'')


def make(root: Path) -> Place:
    """A work dir in which nothing is wrong, and its data, all given."""
    place = Place(root)
    for folder in (
        'data/images',
        'secret/attention',
        'run/attention',
        'run/1/vis_data',
    ):
        (root / folder).mkdir(parents=True)
    boxes = [[4, 4, 20, 20], [30, 30, 24, 16]]
    images = [
        dict(id=i, file_name=f'{i}.png', width=64, height=64) for i in range(1, 5)
    ]
    rows = [
        dict(image_id=i, category_id=k + 1, bbox=box, score=0.9 - 0.1 * k)
        for i in range(1, 5)
        for k, box in enumerate(boxes)
    ]
    annotations = [
        dict(row, id=i + 1, area=400, iscrowd=0) for i, row in enumerate(rows)
    ]
    categories = [dict(id=1, name='cell'), dict(id=2, name='disc')]
    coco = dict(images=images, annotations=annotations, categories=categories)
    secret = dict(coco, images=[dict(i, file_name=MARK) for i in images])
    (root / 'secret/ann.json').write_text(json.dumps(secret))
    (root / 'data/ann.json').write_text(json.dumps(coco))
    for path in (root / 'run', root / 'secret'):
        (path / 'predictions.bbox.json').write_text(json.dumps(rows))
        record = dict(config='config.py', device='CPU', coco=dict(bbox={}), seed=0)
        (path / 'results.json').write_text(json.dumps(dict(record, commit=path.name)))
        log = [dict(iter=i, loss=1 / i, time=0.5) for i in range(1, 5)]
        text = '\n'.join(map(json.dumps, log))
        (path / 'scalars.json').write_text(text)
    (root / 'run/scalars.json').rename(root / 'run/1/vis_data/scalars.json')
    grey = Image.fromarray(np.full((64, 64, 3), 127, np.uint8))
    for name in ('1', '2', '3', '4'):
        grey.save(root / f'data/images/{name}.png')
    for folder in ('secret', 'secret/attention', 'run/attention'):
        grey.save(root / folder / 'gates.png')
        (root / folder / 'captions.json').write_text('{"gates.png": "The gates."}')
    (root / 'secret/attention/captions.json').write_text(f'{{"gates.png": "{MARK}"}}')
    (root / 'secret/text').write_text(MARK)
    (root / 'secret/config.py').write_text(f'name = "{MARK}"\n')
    (root / 'run/config.py').write_text("model = dict(type='RetinaNet')\n")
    place.given = dict(ann=root / 'data/ann.json', images=root / 'data/images')
    return place


def captions(name: str, write: Callable[[Path], object] = lambda path: None):
    """A picture of this name in captions.json, and perhaps in the folder."""

    def change(place: Place) -> None:
        path = place.run / 'attention/captions.json'
        path.write_text(json.dumps({name: 'x', 'gates.png': 'The gates.'}))
        write(place.run / 'attention' / name)

    return change


def config(text: str, name: str = 'config.py') -> Callable[[Place], None]:
    def change(place: Place) -> None:
        (place.run / name).write_text(text.format(proof=str(place.proof)))
        place.change('run/results.json', config=name)

    return change


def record(**fields) -> Callable[[Place], None]:
    """Fields of results.json, in whose texts ROOT is the folder of everything."""

    def change(place: Place) -> None:
        found = {
            key: v.replace('ROOT', str(place.root)) if isinstance(v, str) else v
            for key, v in fields.items()
        }
        place.change('run/results.json', **found)
        for part in fields.keys() & {'images', 'annotations'}:
            place.given.pop(dict(images='images', annotations='ann')[part])

    return change


def log(text: str) -> Callable[[Place], None]:
    return lambda place: (place.run / '1/vis_data/scalars.json').write_text(text)


def names(*classes: str) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        found = [dict(id=k + 1, name=name) for k, name in enumerate(classes)]
        place.change('data/ann.json', categories=found)

    return change


def image(name: str, write: Callable[[Path], object] = lambda path: None):
    def change(place: Place) -> None:
        place.name_image(name.replace('ROOT', str(place.root)))
        if name == '1.png':
            (place.data / 'images/1.png').unlink()
            write(place.data / 'images/1.png')

    return change


def links(name: str, to: str) -> Callable[[Place], None]:
    return lambda place: place.link(name, to)


def linked_folder(place: Place) -> None:
    (place.run / 'attention').rename(place.root / 'old')
    place.link('run/attention', 'secret/attention')


# How one part of a work dir is made hostile, and what the report must say then, ''
# where it leaves nothing out. Tricks of different parts do not touch one another.
CONFIGS = {
    'above': (record(config='../secret/config.py'), 'config of results.json: '),
    'of the machine': (record(config='ROOT/secret/config.py'), 'outside of its folder'),
    'by a link': (links('run/config.py', 'secret/config.py'), 'outside of its folder'),
    'that runs': (config(RUNS), 'is no dump of a config: line 1'),
    'with a call': (
        config('model = dict(type=open({proof!r}, "w"))'), 'line 1 calls something'),
    'with a base': (config("_base_ = '../secret/config.py'"), ''),
    'with imports': (config("custom_imports = dict(imports=['this'])"), ''),
    'in YAML': (
        config('a: !!python/object/apply:builtins.open [{proof!r}, w]', 'c.yml'),
        'is no dump of a config in Python'),
    'of a function': (
        config("model = dict(type='os.system', command='touch {proof}')"), ''),
    'that is a pipe': (lambda place: place.pipe('run/config.py'), 'py is not a file'),
    'without end': (config('a = [0]\n' + 'a = [a, a]\n' * 99), 'makes more than'),
}  # fmt: skip
CAPTIONS = {
    'above': (captions('../../secret/gates.png'), "gates.png' lies outside"),
    'of the machine': (captions('/etc/hostname'), "'/etc/hostname' lies outside"),
    'by a link': (
        captions('a.png', lambda path: path.symlink_to('../../secret/gates.png')),
        "'a.png' lies outside"),
    'of a text': (captions('a.txt', lambda path: path.write_text(MARK)),
                  'not a PNG file'),
    'of a bomb': (captions('a.png', lambda path: path.write_bytes(png(60_000, 60_000))),
                  'attention/a.png is not shown: too many pixels'),
    'of a pipe': (captions('a.png', os.mkfifo), 'a.png is not a file'),
    'of a long name': (captions('x' * 300 + '.png'), 'too long for the name'),
    'of no name': (captions('\ud800\0.png'), 'not a name'),
    'no captions': (
        lambda place: (place.run / 'attention/captions.json').write_text('[1]'),
        NO_CAPTIONS),
    'deep': (lambda place: (place.run / 'attention/captions.json').write_text(DEEP),
             NO_CAPTIONS + ': nested too deeply'),
    'all in a pipe': (lambda place: place.pipe('run/attention/captions.json'),
                      NO_CAPTIONS),
    'folder by a link': (linked_folder, NO_CAPTIONS),
}  # fmt: skip
IMAGES = {
    'above': (image('../../secret/gates.png'), "gates.png' lies outside"),
    'of the machine': (image('ROOT/secret/gates.png'), 'not shown: '),
    'by a link': (image('1.png', lambda path: path.symlink_to(
        path.parents[2] / 'secret/gates.png')), "'1.png' lies outside"),
    'of a long name': (image('x' * 300 + '.png'), 'too long'),
    'bomb': (image('1.png', lambda path: path.write_bytes(png(10_000, 10_000))),
             '1.png: 10000x10000 are too many pixels'),
    'line': (image('1.png', lambda path: path.write_bytes(png(1, 60_000))),
             '1.png: 1x60000 is too narrow'),
    'broken': (image('1.png', lambda path: path.write_bytes(
        (path.parent / '2.png').read_bytes()[:90])), '1.png: '),
    'program': (image('1.png', lambda path: path.write_bytes(
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n')), '1.png: not a JPEG'),
    'pipe': (image('1.png', os.mkfifo), ''),
}  # fmt: skip
LOGS = {
    'by a link': (links('run/1/vis_data/scalars.json', 'secret/scalars.json'),
                  "scalars.json' lies outside"),
    'that is a pipe': (lambda place: place.pipe('run/1/vis_data/scalars.json'),
                       'scalars.json is not a file'),
    'of anything': (log('\n'.join([
        '[]', '{"loss": 1}', '{"loss": "x", "iter": 1}', '{"iter": 1e999, "loss": 1}',
        '{"iter": 1, "loss": 1' + '0' * 400 + '}', '{"iter": 2, "loss": NaN}',
        '{"iter": 3, "loss": 1e308, "time": "x", "memory": []}',
        json.dumps(dict(iter=4, loss=1) | {f'loss{i}{SCRIPT}': 1 for i in range(99)}),
        DEEP])), ''),
}  # fmt: skip
RECORDS = {
    'of other types': (
        record(seed='x', versions=[{}], device={}, checkpoint=3, metrics=[], date=1e400,
               complexity=dict(size='x')), 'not of the right type'),
    'of odd texts': (record(commit='\ud800\n', device=SCRIPT, versions={LINK: '\x00'}),
                     ''),
}  # fmt: skip
CLASSES = {
    'page': (names(SCRIPT, '"onload="alert(1)'), ''),
    'spreadsheet': (names(FORMULA, '@SUM(1)'), ''),
    'Markdown': (names(LINK, '# x | y\n\n---\n'), ''),
    'odd': (names('$\\frac{', 'x' * 100_000), ''),
}
PARTS = (CONFIGS, CAPTIONS, IMAGES, LOGS, RECORDS, CLASSES)

# Where there is no report, and why.
REFUSED = {
    'annotations of the machine': (
        record(annotations='ROOT/secret/ann.json'), 'outside of its work dir'),
    'annotations above': (record(annotations='../secret/ann.json'), 'outside of its'),
    'record that is none': (record(coco=[[]]), 'is not a record'),
    'record by a link': (
        links('run/results.json', 'secret/results.json'), 'lies outside'),
    'record that is a pipe': (
        lambda place: place.pipe('run/results.json'), 'no results'),
    'deep record': (
        lambda place: (place.run / 'results.json').write_text(DEEP), 'too deeply'),
    'predictions by a link': (
        links('run/predictions.bbox.json', 'secret/predictions.bbox.json'),
        'has no results'),
    'predictions that are a pipe': (
        lambda place: place.pipe('run/predictions.bbox.json'), 'no results'),
}  # fmt: skip


def tricks(number: int) -> dict:
    """One trick of each part; with the numbers to ``MOST`` each comes up."""
    found = {}
    for part in PARTS:
        name = [*part][number % len(part)]
        found[name, PARTS.index(part)] = part[name]
    return found


MOST = max(map(len, PARTS))
