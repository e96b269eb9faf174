"""Compare evaluated runs: COCO's figures with intervals, errors, curves, one page."""

from argparse import Namespace

from eca_mm.errors import RequestError
from eca_mm.report.runs import ReportError
from eca_mm.report.write import write_report


def main(args: Namespace) -> None:
    try:
        page = write_report(
            args.runs,
            args.out,
            baseline=args.baseline,
            ann=args.ann,
            images=args.images,
            replicates=args.replicates,
            seed=args.seed,
            margin=args.margin,
        )
    except ReportError as error:
        raise RequestError(str(error)) from error
    print(f'report: {page}')
