"""What tools/matrix.py does: one row of the table is one combination, run for real.

Each module imports only from those above it in this list:

    rows          the combinations, and where their Pythons are
    phases        what is done with each: commands, and what they have to end with
    detections    whether two files hold the same detections
    records       what came of the rows, kept in files, so that a run can be resumed
    table         docs/matrix.md and docs/matrix.csv, of the records alone
    cli           the command line
"""
