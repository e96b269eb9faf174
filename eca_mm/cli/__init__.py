"""The commands, one a file; tools/*.py are the doors to them."""
