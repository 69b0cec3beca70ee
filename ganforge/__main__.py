"""python -m ganforge"""

import sys

from ganforge.cli.main import program

sys.exit(program())
