"""``python -m loopscope.probe my_agents.py [args]``: the same as ``loopscope run``."""

import sys

from loopscope.probe import start_again

if __name__ == "__main__":
    words = sys.argv[1:]
    start_again(words if words and words[0] != "-h" else ["--help"], [])
