"""``python -m loopscope.realpair``."""

import sys

from loopscope.realpair.command import main

sys.exit(main())
