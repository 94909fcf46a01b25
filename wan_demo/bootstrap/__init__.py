"""Settings to a wired application: the only place that constructs things."""

from wan_demo.bootstrap.logs import configure_logging
from wan_demo.bootstrap.models import (
    default_model,
    is_available,
    lora_folder,
    make_catalog,
    make_engine,
    make_locate,
    measure,
)
from wan_demo.bootstrap.server import DataFolderBusy, make_server
from wan_demo.bootstrap.workers import OneOff, end_with_parent, make_one_off, run_worker

__all__ = [
    "DataFolderBusy",
    "OneOff",
    "configure_logging",
    "default_model",
    "end_with_parent",
    "is_available",
    "lora_folder",
    "make_catalog",
    "make_engine",
    "make_locate",
    "make_one_off",
    "make_server",
    "measure",
    "run_worker",
]
