"""The images that came out worst and best, as numbers and as pictures."""

from pathlib import Path

import numpy as np

from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.image_scores import ImageScores, image_scores
from eca_mm.files import inside, shortened
from eca_mm.findings import SHOWN

from .charts import colour, panel
from .content import Cell, Figure, Gallery, Note, Picture, Section, Table
from .material import Material
from .mistakes import SCORE_THRESHOLD
from .runs import KINDS
from .side_by_side import PictureError, draw_pair

LISTED, PICTURED = 10, 4  # images of each run in the table, and of each end as pictures
MOST_LEFT_OUT = 100  # images that cannot be shown, before no more are tried


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
            shade = colour(material.places[name])
            axes.stairs(np.histogram(found.f1, edges)[0], edges, color=shade)
    for name in material.others(kind):
        change = scores[name].f1 - scores[material.baseline].f1
        better, worse = (change > 0).sum(), (change < 0).sum()
        with panel(
            panels, f'{name} − {material.baseline}',
            xlabel=f'difference in F1: {better} images better, {worse} worse',
            ylabel='images that differ',
        ) as axes:  # fmt: skip
            shade = colour(material.places[name])
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
) -> list[Gallery | Note]:
    """The worst and the best images of each run, as far as they can be shown.

    An image that cannot is named, and the next one takes its place. One that is not
    there is not: a folder may hold only a few of the images.
    """
    there, left_out = picture_files(material)
    found: list[Gallery | Note] = []
    for name, of_run in scores.items():
        detections = material.detections[kind][name]
        files = dict(there)  # of few images the worst may be the best, too
        for end, ranked in (('worst', of_run.worst), ('best', of_run.best)):
            order = ranked(len(material.file_names)).tolist()
            pictures = drawn(detections, order, files, left_out)
            if pictures:
                found.append(
                    Gallery(
                        f'{name}: {end} images ({KINDS[kind]})',
                        'Ground truth left, prediction right '
                        f'(score from {SCORE_THRESHOLD}).',
                        pictures,
                    )
                )
    left_out = [*dict.fromkeys(left_out)]  # each run finds the same
    if left_out:
        found.append(Note([not_shown(left_out)], warning=True))
    return found


def drawn(
    detections: Detections, order: list[int], files: dict[int, Path], left_out: list
) -> list[Picture]:
    """Pictures of the first images, which are taken out of ``files``."""
    pictures: list[Picture] = []
    for i in order:
        if len(pictures) == PICTURED or len(left_out) > MOST_LEFT_OUT:
            break
        if i not in files:
            continue
        path = files.pop(i)
        try:
            source = draw_pair(detections, i, path, SCORE_THRESHOLD)
        except PictureError as error:
            left_out.append(f'{shortened(path.name)}: {error}')
            continue
        pictures.append(Picture(source, path.name))
    return pictures


def not_shown(left_out: list[str]) -> str:
    """The images that are left out, the first few with the reason."""
    examples = '; '.join(left_out[:SHOWN])
    more = f'; and {len(left_out) - SHOWN} more' if len(left_out) > SHOWN else ''
    return f'Images that are not shown: {examples}{more}.'


def picture_files(material: Material) -> tuple[dict[int, Path], list[str]]:
    """Image files that are there, by id, and names that lead out of their folder."""
    files, left_out = {}, []
    for i, name in material.file_names.items():
        try:
            path = inside(material.images, name)
        except ValueError as error:
            left_out.append(str(error))
            continue
        if path.is_file():
            files[i] = path
    return files, left_out
