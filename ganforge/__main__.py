"""python -m ganforge"""

import sys

from ganforge.cli import program

sys.exit(program())
