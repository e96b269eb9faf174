"""The table and the COCO results, written while they come."""

import csv
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from eca_mm.files import no_formula, replaced

COLUMNS = ['image', 'frame', 'class', 'score', 'x', 'y', 'width', 'height']


class ResultFiles:
    """``detections.csv``, ``results.json`` and ``images.json`` in a folder.

    They have temporary names until they are closed.

    Attributes:
        rows: Number of lines in the table.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.rows = out, 0
        self.stack = ExitStack()
        self.opened: tuple[TextIO, TextIO] | None = None  # the table and the results
        self.between = ''

    def open(self, name: str) -> TextIO:
        path = self.stack.enter_context(replaced(self.out / name))
        # A name in no encoding is written as Python shows it.
        file = path.open('w', newline='', encoding='utf-8', errors='backslashreplace')
        return self.stack.enter_context(file)

    def add(self, rows: list[list], results: list[dict]) -> None:
        """Write an image's detections.

        Args:
            rows: Of ``COLUMNS``.
            results: In COCO's result format.
        """
        if self.opened is None:
            self.opened = self.open('detections.csv'), self.open('results.json')
            write_rows(self.opened[0], [COLUMNS])
            self.opened[1].write('[')
        table, file = self.opened
        write_rows(table, rows)
        self.rows += len(rows)
        for result in results:
            file.write(self.between + json.dumps(result))
            self.between = ', '

    def close(self, images: dict) -> None:
        """Put them in place, whole.

        Args:
            images: What ``images.json`` has.
        """
        with self.stack:
            if self.opened is not None:
                self.opened[1].write(']')
                self.open('images.json').write(json.dumps(images))


def write_rows(table: TextIO, rows: list[list]) -> None:
    writer = csv.writer(table, lineterminator='\n')
    writer.writerows(map(no_formula, row) for row in rows)
