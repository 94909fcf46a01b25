"""``python -m wan_demo``: the command line."""

from wan_demo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
