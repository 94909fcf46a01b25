"""A clip to an MP4 in memory and back, so that what is measured is what a person sees."""

from __future__ import annotations

import io

import av
import numpy as np
import torch
from torch import Tensor


def through_mp4(frames: Tensor, fps: int = 8, crf: int = 16) -> Tensor:
    """Frames (T, 3, H, W) in [0, 1] after h264, yuv420p and back; even sizes only."""
    buffer = io.BytesIO()
    _encode(frames, buffer, fps, crf)
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).float() / 255


def _encode(frames: Tensor, buffer: io.BytesIO, fps: int, crf: int) -> None:
    pixels = (frames.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width, stream.pix_fmt = pixels.shape[1], pixels.shape[2], "yuv420p"
        stream.options = {"crf": str(crf), "mbtree": "0"}  # as wan_demo.media.encode says why
        stream.thread_count = 1
        for picture in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
