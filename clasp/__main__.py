"""`python -m clasp` is the command line of the whole product, which stands above this package: see index/cli."""

import sys

from index.cli.main import main

sys.exit(main())
