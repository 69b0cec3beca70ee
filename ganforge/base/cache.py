"""Where this user's files that can be made again are kept."""

from pathlib import Path

import platformdirs


def cache_folder(name: str) -> Path:
    """The cache's folder for one kind of thing; it need not exist. pooch.os_cache("ganforge") holds it, too."""
    return Path(platformdirs.user_cache_dir("ganforge")) / name
