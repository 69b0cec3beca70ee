"""The command line: a file for each verb."""

import os

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some, which nobody uses, takes 10 ms
