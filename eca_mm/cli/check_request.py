"""Check config, data, weights, work dir and disk, and show every problem."""

from argparse import ArgumentParser, Namespace

from eca_mm.engine.arguments import add_config_arguments

from .common import checked


def parse_args() -> Namespace:
    parser = ArgumentParser(
        description=__doc__,
        epilog='Exit status: 0 (at most warnings) or 2. The train and test commands do '
        'the same before they start, and nothing else with --check.',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint', nargs='?', help='check a test of this file, not a training run'
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--full', action='store_true', help='read every image, not a sample of 100'
    )
    parser.add_argument('--json', action='store_true', help='the findings as JSON')
    return checked(parser.parse_args())
