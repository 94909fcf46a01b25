"""Every use case, once: the page, the API and the CLI are thin peers over this."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from wan_demo.catalog import BUILT_IN, Catalog
from wan_demo.domain import continuation
from wan_demo.domain.changes import changes
from wan_demo.domain.files import exchanged
from wan_demo.domain.job import Job, Status
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.notes import about_negative, about_tokens, notes
from wan_demo.domain.prompt import PROMPTS, plain
from wan_demo.domain.queue import Caps
from wan_demo.domain.rates import HERE, Rates
from wan_demo.domain.request import INPUTS, GenerationRequest, Task
from wan_demo.domain.rules import Given, complete
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.domain.tokens import Tokens
from wan_demo.engine.memory import Decision, Machine, decide_for, default_offer
from wan_demo.errors import (
    DoesNotFit,
    InvalidRequest,
    JobFinished,
    JobNotFound,
    StorageAway,
    StorageFull,
    TooFast,
    UnreadableMedium,
)
from wan_demo.hub.loras import LoraFiles
from wan_demo.jobs.addresses import Addresses
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.outlook import Outlook, Place
from wan_demo.jobs.times import Times
from wan_demo.library.clips import Library
from wan_demo.media.decode import Kind, read_strip
from wan_demo.media.encode import write_image
from wan_demo.media.folder import DataFolder
from wan_demo.media.glimpse import Glimpses
from wan_demo.media.loras import LoraFolder
from wan_demo.media.probed import probed
from wan_demo.media.sheet import contact_sheet, middles

CAPS = Caps(total=1000, each=20)

SHEET_HEIGHT = 160
SHEET_COUNT = 6

MOST_NAMED = 8
"""How many LoRAs a refusal lists."""

MEDIA: dict[Task, Kind] = {Task.IMAGE_TO_VIDEO: "image", Task.VIDEO_TO_VIDEO: "video"}
"""The field of the request that holds a task's medium; the kind of medium bears its name."""

CountTokens = Callable[[ModelSpec, str], Tokens | None]
"""How many tokens a text has for a model; None where its tokenizer is not here."""


@dataclass(frozen=True)
class Plan:
    """What would run: the whole request, notes on it, and seconds (None: not known yet)."""

    request: GenerationRequest
    spec: ModelSpec
    notes: Sequence[str]
    run_seconds: float | None
    download_bytes: int = 0
    """What is to be fetched first, about; 0 where the model is here."""
    tokens: Tokens | None = None
    """Of the prompt; None where the model's tokenizer is not here."""
    memory: Decision | None = None
    """How the model would be kept in memory; None where it does not fit, or nobody asked."""
    refusal: DoesNotFit | None = None
    """Why it does not fit."""


class Loras:
    """The LoRAs that there are: those of the data folder, and those of the hub's cache."""

    def __init__(self, folder: LoraFolder, may_download: bool = True) -> None:
        self.folder = folder
        self.files = LoraFiles(folder.find, may_download)


class Service:
    """Submit, watch, stop and list jobs; see ``Plan`` for what a request would do.

    ``given`` is a mapping of the request's field names to values; ``image`` and ``video`` are
    paths of files, which are copied in. What is missing or None takes its default.
    """

    def __init__(
        self,
        store: JobStore,
        folder: DataFolder,
        default_model: str,
        is_available: Callable[[ModelSpec], bool],
        caps: Caps = CAPS,
        may_download: bool = True,
        count_tokens: CountTokens = lambda _spec, _text: None,
        measure: Callable[[], Machine] | None = None,
        models: Catalog = BUILT_IN,
        loras: Loras | None = None,
        library: Library | None = None,
        rates: Rates | None = None,
        safety: Safety = UNCHECKED,
    ) -> None:
        """``measure`` tells what the machine has for a model; without it that is not looked at.

        ``rates`` say how fast an address may add jobs.
        """
        self._rates = rates
        self._safety = safety
        self.models = models
        self.folder = folder
        self.loras = loras or Loras(LoraFolder(folder.loras))
        self.library = library or Library(store, folder)
        self.glimpses = Glimpses()
        self.default_model = default_model
        self.is_available = is_available
        self._may_download = may_download
        self._count_tokens = count_tokens
        self._store = store
        self.on_accepted: Callable[[Job], None] = lambda _job: None
        self._times = Times(store, models)
        self._outlook = Outlook(store, self._seconds_left)
        self.caps = caps
        self._addresses = Addresses(store.open, caps.of_address)
        self._measure = measure
        self._fits: dict[str, bool] = {}

    def fits(self, spec: ModelSpec) -> bool:
        """Whether the machine can run a model as it comes, as far as was seen when first asked."""
        if self._measure is None:
            return True
        if spec.id not in self._fits:
            self._fits[spec.id] = default_offer(spec, self._measure()).fits
        return self._fits[spec.id]

    def plan(self, given: Given) -> Plan:
        """What ``given`` would run; raises InvalidRequest or UnreadableMedium.

        A model that does not fit the machine is told in the plan's ``refusal``.
        """
        spec = self.models.find(str(given.get("model") or self.default_model))
        download_bytes = 0 if self.is_available(spec) else spec.download_bytes
        if download_bytes and not self._may_download:
            raise InvalidRequest("model", spec.id, _how_to_get(spec))
        medium = self.medium(given)
        request = complete(given, spec, medium, _mask(given, spec))
        _check_pictures(request)
        self._check_loras(request, spec)
        memory, refusal = self._memory(request, spec)
        warning = [memory.warning] if memory and memory.warning else []
        return Plan(
            request=request,
            spec=spec,
            notes=[
                *notes(spec, request.task, f"{request.prompt} {request.prompt_end}", medium),
                *changes(request, medium),
                *self.prompt_notes(request),
                *warning,
            ],
            run_seconds=self._times.of(request),
            download_bytes=download_bytes,
            tokens=self._tokens(spec, request.prompt),
            memory=memory,
            refusal=refusal,
        )

    def submit(self, given: Given, owner: str, address: str = HERE) -> Job:
        """Accept a job; raises what ``plan`` raises, DoesNotFit, StorageFull, QueueFull,
        TooManyJobs, TooManyHere, TooFast and Refused.

        ``address`` is where it comes from, as ``rates.key_of`` has it: whoever keeps no cookie is
        another owner each time.
        """
        plan = self.plan(given)
        if plan.refusal is not None:
            raise plan.refusal
        seconds = self._rates.wait(address) if self._rates is not None else 0.0
        if seconds:
            raise TooFast(seconds)
        self._addresses.check(address)
        self._safety.pass_on(plan.request)
        self.library.budget.check()
        job = self._store.add(self._keep_media(plan), owner, self.caps)
        self._addresses.added(job.id, address)
        self.on_accepted(job)
        self._outlook.changed(owner)
        return job

    def prompt_notes(self, request: GenerationRequest) -> list[str]:
        """What the model will not read as it was written, as sentences for people."""
        spec = self.models.find(request.model)
        said = about_negative(spec, request)
        for field in PROMPTS:
            said += about_tokens(spec, field, self._tokens(spec, getattr(request, field) or ""))
        return said

    def get(self, job_id: str, owner: str) -> Job:
        """One of the owner's jobs; raises JobNotFound for anybody else's too."""
        job = self.look(job_id)
        if job.owner != owner:
            raise JobNotFound
        return job

    def look(self, job_id: str) -> Job:
        """Anybody's job, for whoever was given its address; raises JobNotFound.

        One that makes several videos has those that are there already.
        """
        job = self._store.get(job_id)
        if job is None or job.deleted_at is not None:
            raise JobNotFound
        if job.status is Status.RUNNING and job.request.num_videos_per_prompt > 1:
            return replace(job, outputs=tuple(self.folder.clips_of(job)))
        return job

    def cancel(self, job_id: str, owner: str) -> Job:
        """Stop one of the owner's jobs; raises JobNotFound, JobFinished."""
        if self.get(job_id, owner).status.is_final:
            raise JobFinished
        stopped = self._store.cancel(job_id, self.folder.clips_of)
        self._outlook.changed(owner)
        return stopped or self.get(job_id, owner)

    def move(self, job_id: str, owner: str, by: int) -> None:
        """Move one of the owner's waiting jobs ``by`` places among them, later where positive.

        One that waits no more stays as it is; raises JobNotFound.
        """
        self.get(job_id, owner)
        ids = [job.id for job, _ in self.waiting(owner)]
        if job_id in ids:
            here = ids.index(job_id)
            ids.insert(max(0, here + by), ids.pop(here))
            self._store.arrange(owner, ids)
            self._outlook.changed(owner)

    def waiting(self, owner: str) -> Sequence[tuple[Job, Place]]:
        """The owner's waiting jobs and their places, in the order in which they will be taken."""
        return self._outlook.waiting(owner)

    def list(self, owner: str, limit: int = 50) -> Sequence[Job]:
        """The owner's jobs, newest first."""
        return self._store.list(owner, limit)

    def open(self) -> Set[str]:
        """The ids of all jobs that have not ended, everybody's: for those who wait for one."""
        return self._store.open()

    def place(self, job: Job) -> Place:
        """Where a waiting job stands in the queue."""
        return self._outlook.place(job)

    def queue(self, owner: str = "") -> Place:
        """Where a new job of the owner's would stand, if it went to the end."""
        return self._outlook.end(owner)

    def save_frame(self, job: Job, seconds: float, to: Path, clip: int = 0) -> None:
        """Write the frame that one of a finished job's videos shows at ``seconds`` as an image.

        Raises UnreadableMedium.
        """
        video = self.folder.video(job.outputs[clip].file)
        write_image(read_strip(video, [seconds])[0], to)

    def save_sheet(self, job: Job, to: Path, clip: int = 0, count: int = SHEET_COUNT) -> None:
        """Write an image of a finished edit: what it began with above what became of it.

        Raises UnreadableMedium where one of the two is gone.
        """
        times = middles(0.0, job.request.played_seconds, count)
        paths = (self.folder.source(job.id), self.folder.video(job.outputs[clip].file))
        before, after = (read_strip(path, times, SHEET_HEIGHT) for path in paths)
        write_image(contact_sheet({"before": before, "after": after}, times), to)

    def medium(self, given: Given) -> Medium | None:
        """What is in the request's image or video; None where the task has none, or none yet."""
        kind = MEDIA.get(Task(given["task"])) if given.get("task") in list(Task) else None
        kind = "video" if continuation.is_one(given) else kind
        path = given.get(kind) if kind else None
        return probed(Path(str(path)), kind) if kind and path else None

    def _tokens(self, spec: ModelSpec, text: str) -> Tokens | None:
        return self._count_tokens(spec, plain(text))

    def _memory(
        self, request: GenerationRequest, spec: ModelSpec
    ) -> tuple[Decision | None, DoesNotFit | None]:
        """What the worker will decide, by what is free now; it measures anew when it begins."""
        if self._measure is None:
            return None, None
        try:
            return decide_for(request, spec, self._measure()), None
        except DoesNotFit as refusal:
            return None, refusal

    def _check_loras(self, request: GenerationRequest, spec: ModelSpec) -> None:
        """Those of the data folder must lie there, those of the hub where nothing is fetched."""
        for lora in request.loras:
            if not lora.is_of_hub and not self.loras.folder.find(lora, has_pair=False):
                raise InvalidRequest("loras", lora.name, _what_there_is(self.loras.folder))
            is_here = self._may_download or self.loras.files.here(lora, spec.architecture.experts)
            if not is_here:
                allowed = "must be on this machine, as this server fetches nothing"
                raise InvalidRequest("loras", lora.name, allowed)

    def _keep_media(self, plan: Plan) -> GenerationRequest:
        """The request with its media copied in, and named as the copies are."""
        try:
            if not self.folder.has_room():
                raise StorageFull
            kept = {
                field: exchanged(getattr(plan.request, field), self._keep_input) for field in INPUTS
            }
        except OSError as error:
            raise StorageFull if error.errno == errno.ENOSPC else StorageAway from error
        return plan.request.model_copy(update=kept)

    def _keep_input(self, file: str) -> str:
        return self.folder.keep_input(Path(file))

    def _seconds_left(self, jobs: Sequence[Job]) -> Sequence[float | None]:
        """What each will still take; None where its time or its model is not known."""
        told = [job.progress.seconds_left for job in jobs]
        return [
            self._times.lately(job.request) if left is None else left
            for job, left in zip(jobs, told, strict=True)
        ]


def _mask(given: Given, spec: ModelSpec) -> Medium | None:
    """What is in the request's mask; None where there is none, or the task has none."""
    task, path = given.get("task"), given.get("mask")
    is_used = task in spec.tasks and "mask" in spec.takes(Task(task))
    return probed(Path(str(path)), "mask") if path and is_used else None


def _check_pictures(request: GenerationRequest) -> None:
    """Pictures that take the clip's size only have to be some."""
    if request.last_image is not None:
        _check_picture(request.last_image, "last_image")
    for number, picture in enumerate(request.reference_images, start=1):
        _check_picture(picture, "reference_images", f"picture {number}, ")


def _check_picture(file: str, field: str, which: str = "") -> None:
    try:
        probed(Path(file), "image")
    except UnreadableMedium as error:
        raise UnreadableMedium(field, f"{which}{error.value}", error.allowed) from None


def _what_there_is(folder: LoraFolder) -> str:
    names = folder.names()
    there_are = f"there are {', '.join(names[:MOST_NAMED])}" if names else "there are none"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"must be a file of the data folder's loras/; {there_are}{more}"


def _how_to_get(spec: ModelSpec) -> str:
    return (
        f"is not on this machine, and this server fetches no models; get it with "
        f"`python -m wan_demo models download {spec.id}` (about {spec.download_bytes / 1e9:.0f} GB)"
    )
