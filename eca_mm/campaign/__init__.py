"""A comparison as one campaign: many rows and seeds, trained, tested and reported.

Its whole state is on disk: a campaign that was killed at any point continues with the
same command.
"""

__all__: list[str] = []
