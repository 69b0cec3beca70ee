"""A walk as a moving picture: WebP or GIF, both written by Pillow, endless or not, pixels as they are."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

from ganforge.base.file_marks import MARKS

FORMATS = ("webp", "gif")
MAX_FPS = 50
"""GIF counts in hundredths of a second, and browsers slow down what is faster than two of them."""


def encode_animation(frames: Sequence[Image.Image], kind: str, fps: float = 20.0, loop: bool = True) -> bytes:
    """The frames, all of one size, as the bytes of a file that bears our mark; equal frames give equal bytes.

    kind: webp (lossless) or gif (grey pictures as they are; of colours the 256 most fitting of each frame). fps: frames
    a second, at most ``MAX_FPS``; GIF rounds a frame's time to hundredths of a second. loop: endlessly, else once.
    Raises ValueError for no frames, another kind or another fps.
    """
    if not frames or kind not in FORMATS or not 0 < fps <= MAX_FPS:
        raise ValueError(f"{len(frames)} frames as {kind!r} at {fps} a second cannot be written")
    if kind == "gif":
        frames = [_with_palette(frame) for frame in frames]
        options: dict[str, Any] = {"duration": max(2, round(100 / fps)) * 10, "disposal": 1, "optimize": False}
        options |= {"comment": MARKS[".gif"]}
        options |= {"loop": 0} if loop else {}
    else:
        # For lossless files quality and method are effort only; more of either costs time and saves little.
        options = {"duration": round(1000 / fps), "loop": 0 if loop else 1, "lossless": True, "quality": 50}
        options |= {"method": 1, "xmp": MARKS[".webp"]}
    written = BytesIO()
    frames[0].save(written, format=kind.upper(), save_all=True, append_images=list(frames[1:]), **options)
    return written.getvalue()


def _with_palette(frame: Image.Image) -> Image.Image:
    """As GIF needs it, without dithering, which would flicker from frame to frame."""
    if frame.mode == "L":
        return frame
    return frame.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
