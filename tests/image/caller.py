"""Makes a video at a container: ``python -m tests.image.caller ADDRESS FOLDER PARAMETERS``.

A program of its own, as only a process can be on the container's network. Prints, as JSON, where
the clip lies that was downloaded into FOLDER, and the parameters that were used.
"""

from __future__ import annotations

import json
import sys

from gradio_client import Client


def main(address: str, folder: str, parameters: str) -> None:
    """Wait for the clip."""
    client = Client(address, verbose=False, download_files=folder)
    video, used = client.predict(**json.loads(parameters), api_name="/text_to_video")
    sys.stdout.write(json.dumps({"video": video, "used": used}))


if __name__ == "__main__":
    main(*sys.argv[1:])
