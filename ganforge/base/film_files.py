"""Frames as a film, MP4 (H.264) or WebM (VP9), written one by one, by PyAV: the extra `film`.

PyAV rather than imageio-ffmpeg: its wheels bring FFmpeg's libraries with both encoders, and it hands over frames and
gives errors in this process, where the other starts a program of 30 MB and talks to it through pipes.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.file_marks import NAME
from ganforge.base.files import write_atomically

CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"crf": "14", "preset": "medium"}),
    ".webm": ("libvpx-vp9", {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}),
}
"""By a name's ending. crf: the loss, here hardly visible."""
MAX_FPS = 60
MAX_SIDE = 4096
"""Pixels of a frame: what every decoder of H.264 plays."""


def refuse_without_encoder() -> None:
    """Raise UserError where the extra `film` is not installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise UserError("MP4 and WebM need PyAV; install it with: pip install 'ganforge[film]'") from None


def save_film(frames: Iterable[Image.Image], path: Path, fps: float) -> int:
    """Write the frames, atomically; returns how many. All must have the first one's size; odd sides get one row or
    column more, a copy of the last, as these encoders count in pairs. fps: above 0, at most ``MAX_FPS``.

    Raises UserError without the extra, for no frames or frames above ``MAX_SIDE``; OSError where it cannot be written.
    """
    refuse_without_encoder()
    count = 0

    def write(temporary: Path) -> None:
        nonlocal count
        count = _write(frames, temporary, path.suffix.lower(), fps)

    write_atomically(path, write)
    return count


def _write(frames: Iterable[Image.Image], path: Path, ending: str, fps: float) -> int:
    import av

    codec, options = CODECS[ending]
    container: Any
    count = 0
    with av.open(str(path), "w", format=ending[1:]) as container:
        container.metadata["comment"] = f"made by {NAME}"
        stream: Any = None
        for frame in frames:
            pixels = _even(np.asarray(frame.convert("RGB")))
            if stream is None:
                height, width = pixels.shape[:2]
                if max(height, width) > MAX_SIDE:
                    raise UserError(f"Frames of {width} x {height} pixels are more than a film's {MAX_SIDE:,} a side.")
                stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000), options=options)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            count += 1
        if stream is None:
            raise UserError("There is no frame to make a film of.")
        container.mux(stream.encode())
    return count


def _even(pixels: Any) -> Any:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
