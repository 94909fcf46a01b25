"""Starts Wan Demo: ``python app.py [--host H] [--port P] [--data-dir D] [--share]``.

On ZeroGPU the weights are placed while this file is imported, before anything else is done.
"""

import sys

from wan_demo.cli import main
from wan_demo.settings import is_zero_gpu

if is_zero_gpu():
    from wan_demo.bootstrap import zero

    zero.placed()

if __name__ == "__main__":
    raise SystemExit(main(["serve", *sys.argv[1:]]))
