"""``python -m loopscope``."""

import sys

from loopscope.cli import main

sys.exit(main())
