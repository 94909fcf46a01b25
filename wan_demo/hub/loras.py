"""The files of a request's LoRAs: of the data folder, or of the hub and fetched where need be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wan_demo.domain.lora import Lora, LoraFile, Worn, parts
from wan_demo.errors import ModelUnavailable
from wan_demo.hub.cache import files
from wan_demo.hub.connection import Stopped
from wan_demo.hub.download import OnProgress, fetch

Find = Callable[[Lora, bool], tuple[Path, ...]]
"""A LoRA's file in the data folder and, if told so, its other half; none where it is not there."""


class LoraFiles:
    """Finds files by names; those of the hub come from its cache.

    ``find`` looks into the data folder; ``may_download`` is False where nothing is fetched.
    """

    def __init__(
        self,
        find: Find,
        may_download: bool = True,
        root: Path | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._find = find
        self._may_download = may_download
        self._root = root
        self._endpoint = endpoint

    def here(self, lora: Lora, experts: int) -> tuple[Path, ...]:
        """The file and its other half, if both experts want one; asks no network."""
        if lora.is_of_hub:
            return files(lora.source(experts == 2), self._root)
        return self._find(lora, experts == 2 and lora.expert is None)

    def worn(
        self, loras: Sequence[Lora], experts: int, on_bytes: OnProgress, stopped: Stopped
    ) -> Worn:
        """What each transformer wears; what is missing is fetched first.

        Raises ModelUnavailable, NoRoomForModel, and DownloadStopped once ``stopped`` says so.
        """
        found: dict[str, list[LoraFile]] = {}
        for lora in loras:
            paths = self.here(lora, experts) or self._fetch(lora, experts, on_bytes, stopped)
            for part, path in parts(lora, paths, experts).items():
                found.setdefault(part, []).append(LoraFile(lora.name, path, lora.weight))
        return found

    def _fetch(
        self, lora: Lora, experts: int, on_bytes: OnProgress, stopped: Stopped
    ) -> tuple[Path, ...]:
        if not lora.is_of_hub:
            raise ModelUnavailable(f"The LoRA {lora.name} is no longer in the folder loras/.")
        if not self._may_download:
            raise ModelUnavailable(f"The LoRA {lora.name} is not on this machine.")
        source = lora.source(experts == 2)
        fetch(source, on_bytes, stopped, root=self._root, endpoint=self._endpoint)
        return files(source, self._root)
