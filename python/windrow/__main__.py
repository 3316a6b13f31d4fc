"""`python -m windrow`: the `windrow` command."""

import sys

from windrow._command import main

sys.exit(main())
