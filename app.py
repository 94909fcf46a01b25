"""Starts Wan Demo: ``python app.py [--host H] [--port P] [--data-dir D] [--share]``."""

import sys

from wan_demo.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["serve", *sys.argv[1:]]))
