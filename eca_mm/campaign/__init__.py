"""A comparison as one campaign: many rows and seeds, trained, tested and reported.

What has been done stands on the disk alone: a campaign that was killed at any point
goes on with the same command.
"""
