"""Run a trained detector on images and videos; see eca_mm/cli/infer.py."""

import sys

from eca_mm.cli.infer_request import parse_args
from eca_mm.engine.exit_status import exit_status


def main() -> None:
    args = parse_args()
    from eca_mm.cli import infer

    infer.main(args)


if __name__ == '__main__':
    sys.exit(exit_status(main))
