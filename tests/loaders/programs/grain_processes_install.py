"""The same as `grain_processes.py`, by a program that calls `install()`, and in its main guard only."""

import sys

if __name__ == "__main__":
    import windrow.compat

    windrow.compat.install()

    from grain_processes import main

    main(sys.argv[1:])
