"""What begins before the package eca_mm does: its commands.

``import eca_mm`` registers everything, and for that imports MMDetection, which takes
seconds. A command answers a wrong request at once: the package asks this module whether
a command is running, and leaves the registering to it.
"""

running = False


def run(command: str) -> int:
    """Run the command of a file in eca_mm/cli; returns its exit status."""
    global running
    running = True
    from eca_mm.cli import run_command

    return run_command(command)


def main() -> int:
    """The console command eca-mm."""
    global running
    running = True
    from eca_mm.cli import run_named

    return run_named()
