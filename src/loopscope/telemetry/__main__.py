"""``python -m loopscope.telemetry --proc NAME``: a child of the session, see :mod:`loopscope.wire.child`."""

import sys

from loopscope.telemetry.process import main

sys.exit(main())
