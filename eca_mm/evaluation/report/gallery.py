"""The images that came out worst and best, as numbers and as pictures."""

import os.path
import sys
from pathlib import Path

import numpy as np

from ..detections import Detections
from ..image_scores import ImageScores, image_scores
from .blocks import Cell, Figure, Gallery, Picture, Section, Table
from .charts import colour, panel
from .material import Material
from .mistakes import SCORE_THRESHOLD
from .pictures import draw_pair
from .runs import KINDS

LISTED, PICTURED = 10, 4  # images of each run in the table, and of each end as pictures


def images_section(material: Material) -> Section:
    blocks = []
    for kind, found in material.detections.items():
        scores = {
            name: image_scores(detections, score_threshold=SCORE_THRESHOLD)
            for name, detections in found.items()
        }
        blocks += [
            score_figure(material, kind, scores),
            worst_table(material, kind, scores),
        ]
        if material.images:
            blocks += galleries(material, kind, scores)
    return Section('images', 'Images', blocks)


def score_figure(
    material: Material, kind: str, scores: dict[str, ImageScores]
) -> Figure:
    """Histograms of F1, and of its differences to the baseline image by image."""
    panels: list[str] = []
    edges = np.linspace(0, 1, 21)
    with panel(panels, 'F1 of the images', xlabel='F1', ylabel='images') as axes:
        for name, found in scores.items():
            shade = colour(material.names.index(name))
            axes.stairs(np.histogram(found.f1, edges)[0], edges, color=shade)
    for name in material.others(kind):
        change = scores[name].f1 - scores[material.baseline].f1
        better, worse = (change > 0).sum(), (change < 0).sum()
        with panel(
            panels, f'{name} − {material.baseline}',
            xlabel=f'difference in F1: {better} images better, {worse} worse',
            ylabel='images that differ',
        ) as axes:  # fmt: skip
            shade = colour(material.names.index(name))
            axes.hist(change[change != 0], np.linspace(-1, 1, 41), color=shade)
            axes.set_xticks(np.linspace(-1, 1, 5))
    return Figure(
        f'images_{kind}',
        f'{KINDS[kind].capitalize()} scores of single images',
        'How many images have which F1, the share of right among detections and '
        f'objects (IoU 0.5, score {SCORE_THRESHOLD}); a difference spread over many '
        'images means more than one from a few.',
        panels,
        image_data(material, scores),
        material.names,
    )


def image_data(material: Material, scores: dict[str, ImageScores]) -> list[dict]:
    """A row for each run and image."""
    names = material.file_names
    return [
        dict(run=run, image_id=int(i), file=names[i], f1=float(f1))
        | dict(correct=int(correct), wrong=int(wrong), missed=int(missed))
        for run, s in scores.items()
        for i, f1, correct, wrong, missed in zip(
            s.image_ids, s.f1, s.correct, s.wrong, s.missed, strict=True
        )
    ]


def worst_table(material: Material, kind: str, scores: dict[str, ImageScores]) -> Table:
    names = material.file_names
    rows = []
    for run, found in scores.items():
        for i in found.worst(LISTED):
            at = np.searchsorted(found.image_ids, i)
            numbers = (found.correct[at], found.wrong[at], found.missed[at])
            rows.append(
                [Cell(run), Cell(names[i], note=f'id {i}')]
                + [Cell(f'{found.f1[at]:.2f}', float(found.f1[at]))]
                + [Cell(str(n), int(n)) for n in numbers]
            )
    return Table(
        f'images_{kind}',
        f'{KINDS[kind].capitalize()} results: the worst images',
        f'The {LISTED} images of lowest F1 of each run, of equals those with most '
        'errors: look here first for wrong labels.',
        ['run', 'image', 'F1', 'right', 'wrong', 'missed'],
        rows,
    )


def galleries(
    material: Material, kind: str, scores: dict[str, ImageScores]
) -> list[Gallery]:
    """The worst and the best images of each run, as far as they are on the disk."""
    files = {i: material.images / name for i, name in material.file_names.items()}
    there = {i for i, path in files.items() if os.path.isfile(path)}
    found = []
    for name, of_run in scores.items():
        shown: set[int] = set()  # of few images the worst may be the best, too
        for end, ranked in (('worst', of_run.worst), ('best', of_run.best)):
            left = [i for i in ranked(len(files)).tolist() if i in there - shown]
            chosen = left[:PICTURED]
            shown.update(chosen)
            detections = material.detections[kind][name]
            title = f'{name}: {end} images ({KINDS[kind]})'
            gallery = drawn(title, detections, {i: files[i] for i in chosen})
            if chosen:
                found.append(gallery)
    return found


def drawn(title: str, detections: Detections, files: dict[int, Path]) -> Gallery:
    """Pictures of some images; one that cannot be drawn is left out and named."""
    pictures, left_out = [], []
    for key, path in files.items():
        try:
            url = draw_pair(detections, key, path, SCORE_THRESHOLD)
        except Exception:  # of the file system, the decoder, or what draws
            left_out.append(path.name)
            print(f'warning: {path} cannot be drawn', file=sys.stderr)
        else:
            pictures.append(Picture(url, path.name))
    reading = f'Ground truth left, prediction right (score from {SCORE_THRESHOLD}).'
    if left_out:
        reading += f' Left out, for they cannot be drawn: {", ".join(left_out)}.'
    return Gallery(title, reading, pictures)
