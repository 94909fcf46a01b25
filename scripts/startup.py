"""Start-up against a one-component Gradio app, in turns: ``python -m scripts.startup [RUNS]``.

Prints the seconds from the start of the process to the first page served, and their ratio.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 120.0
ONE_COMPONENT = """
import sys
import gradio as gr
with gr.Blocks() as page:
    gr.Textbox()
page.launch(server_port=int(sys.argv[1]), quiet=True)
"""


def main(runs: int = 5) -> None:
    """Start both in turns, after one uncounted pair."""
    ours, bare = [], []
    for turn in range(runs + 1):
        with tempfile.TemporaryDirectory() as data:
            port = str(_free_port())
            seconds = _time(["app.py", "--port", port, "--data-dir", data], port)
        port = str(_free_port())
        other = _time(["-c", ONE_COMPONENT, port], port)
        if turn:
            ours.append(seconds)
            bare.append(other)
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(f"wan_demo       {statistics.median(ours):.2f} s (median of {runs})")
    print(f"one component  {statistics.median(bare):.2f} s")
    print(f"ratio          {statistics.median(ratios):.2f}")


def _time(arguments: list[str], port: str) -> float:
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while time.monotonic() - begin < LIMIT_SECONDS:
            if _serves(port):
                return time.monotonic() - begin
            time.sleep(0.05)
        raise TimeoutError(f"{arguments[0]} served no page within {LIMIT_SECONDS:.0f} s")
    finally:
        process.terminate()
        process.wait()


def _serves(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
