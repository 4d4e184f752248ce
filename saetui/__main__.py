"""``python -m saetui``."""

import sys

from saetui.cli import main

if __name__ == "__main__":
    sys.exit(main())
