"""The `windrow` command."""

import signal
import sys

from windrow import _core


def main() -> int:
    """Runs the command with the arguments of the process; gives the exit code."""
    # Python's own handler would only take a note that nobody reads while the command runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return _core.run_command(["windrow", *sys.argv[1:]])
