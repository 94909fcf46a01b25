from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.makers import grays, noise, request, save_video
from wan_demo import catalog
from wan_demo.domain.job import Progress, Stage, Status
from wan_demo.domain.medium import Medium
from wan_demo.domain.memory import Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import Caps
from wan_demo.domain.rates import Rates
from wan_demo.domain.safety import Safety
from wan_demo.domain.tokens import Tokens
from wan_demo.engine.memory import GIB, Machine
from wan_demo.engine.tokens import TokenCounter
from wan_demo.errors import (
    DoesNotFit,
    InvalidRequest,
    JobFinished,
    JobNotFound,
    QueueFull,
    Refused,
    StorageFull,
    TooFast,
    TooManyHere,
    UnreadableMedium,
)
from wan_demo.media import probed as module
from wan_demo.media.decode import Kind, probe
from wan_demo.media.folder import DataFolder
from wan_demo.service import Service


def given(**changes: Any) -> dict[str, Any]:
    return {"task": "text_to_video", "prompt": "a red circle moving right", **changes}


@pytest.fixture
def photo(tmp_path):
    noise((160, 120)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def clip(tmp_path):
    return save_video(tmp_path / "clip.mp4", grays(48, (96, 64)), fps=24)


def _bundled(spec: ModelSpec) -> Path | None:
    return spec.weights.base if isinstance(spec.weights.base, Path) else None


def count_probes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list that grows with every file that is opened."""
    opened: list[object] = []

    def counted(path: Path, kind: Kind) -> Medium:
        opened.append(path)
        return probe(path, kind)

    monkeypatch.setattr(module, "probe", counted)
    return opened


@pytest.fixture
def vace(store, folder) -> Service:
    return Service(store, folder, "wan2.1-vace-1.3b", lambda _spec: True)


class TestPlan:
    def test_a_reference_that_is_no_picture_is_refused_by_its_place(self, vace, photo, tmp_path):
        (tmp_path / "text.png").write_text("no picture")
        with pytest.raises(UnreadableMedium) as refused:
            vace.plan(given(reference_images=[str(photo), str(tmp_path / "text.png")]))
        assert str(refused.value).startswith("reference_images: must be a PNG")
        assert str(refused.value).endswith("got 'picture 2, text.png'.")

    def test_references_are_for_models_that_look_at_them(self, service, vace, photo, clip):
        pictures = {"reference_images": [str(photo)]}
        with pytest.raises(InvalidRequest) as refused:
            service.plan(given(**pictures))
        said = "reference_images: is not used by text_to_video with wan-tiny; got 'photo.png'."
        assert str(refused.value) == said
        edit = given(task="video_to_video", video=str(clip), num_frames=9, **pictures)
        assert vace.plan(edit).request.reference_images == (str(photo),)

    def test_it_is_the_whole_request(self, service):
        plan = service.plan(given(seed=3))
        assert plan.request.model == "wan-tiny"
        assert plan.request.seed == 3
        assert plan.spec is catalog.BUNDLED
        assert list(plan.notes) == []
        assert plan.run_seconds > 0

    def test_it_has_notes_on_strange_words(self, service):
        (note,) = service.plan(given(prompt="a fox")).notes
        assert "fox" in note

    def test_it_counts_the_prompts_tokens_and_tells_what_is_cut(self, store, folder):
        short, long = "a (red:1.2) circle", "a circle " * 40
        counting = Service(
            store, folder, "wan-tiny", lambda _: True, count_tokens=TokenCounter(_bundled)
        )
        assert counting.plan(given(prompt=short)).tokens == Tokens(4, 64)
        (note,) = counting.plan(given(prompt=short, negative_prompt=long)).notes
        assert note.startswith("Negative prompt: Wan Tiny reads 64 tokens of its 81.")
        assert "cut: “circle a circle" in note
        request = counting.submit(given(prompt=long), "ada").request
        assert counting.prompt_notes(request)[0].startswith("Prompt: ")

    def test_a_weight_that_is_none_names_its_field(self, service):
        for field in ("prompt", "negative_prompt"):
            with pytest.raises(InvalidRequest) as caught:
                service.plan(given(**{field: "a (fox:3)"}))
            assert caught.value.field == field

    def test_a_photo_decides_the_size_and_gets_a_note(self, service, photo):
        plan = service.plan(given(task="image_to_video", prompt="", image=str(photo)))
        assert plan.request.width / plan.request.height == pytest.approx(4 / 3, rel=0.2)
        assert len(plan.notes) == 1

    def test_a_video_decides_size_and_length(self, service, clip):
        plan = service.plan(given(task="video_to_video", video=str(clip)))
        assert plan.request.num_frames == 13
        assert plan.request.width > plan.request.height

    def test_waiting_jobs_add_up(self, service, store):
        alone = service.plan(given()).run_seconds
        service.submit(given(), "ada")
        service.submit(given(), "ada")
        assert service.queue().seconds == pytest.approx(2 * alone)
        assert service.queue().ahead == 2

    def test_a_running_jobs_time_left_counts(self, service, store):
        service.submit(given(), "ada")
        store.report(store.claim("w"), Progress(stage=Stage.STEP, seconds_left=7.0))
        assert service.queue().seconds == 7.0

    def test_a_job_of_a_model_that_is_gone_makes_the_wait_unknown(self, service, store):
        store.add(request(model="wan-gone"), "ada")
        assert service.queue().seconds is None
        assert (service.queue().ahead, service.queue().seconds) == (1, None)

    def test_nothing_is_submitted(self, service, store):
        service.plan(given())
        assert store.waiting() == 0


class TestSubmit:
    def test_the_job_waits_and_is_the_owners(self, service):
        job = service.submit(given(), "ada")
        assert (job.status, job.owner) == (Status.WAITING, "ada")
        assert service.get(job.id, "ada") == job
        assert list(service.list("ada")) == [job]
        assert service.place(job).ahead == 0

    def test_references_are_copied_in_one_by_one(self, vace, folder, photo, tmp_path):
        noise((30, 20)).save(tmp_path / "other.png")
        pictures = [str(tmp_path / "other.png"), str(photo)]
        job = vace.submit(given(reference_images=pictures), "ada")
        kept = [folder.input(name).read_bytes() for name in job.request.reference_images]
        assert kept == [Path(picture).read_bytes() for picture in pictures]

    def test_the_medium_is_copied_in(self, service, folder, photo):
        job = service.submit(given(task="image_to_video", image=str(photo)), "ada")
        content = photo.read_bytes()
        photo.unlink()
        assert folder.input(job.request.image).read_bytes() == content

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"width": 100}, "width"),
            ({"model": "nothing"}, "model"),
            ({"model": "a\0b\ud800"}, "model"),
            ({"model": "wan2.1-t2v-1.3b"}, "model"),
            ({"task": "image_to_video"}, "image"),
            ({"task": ["text_to_video"]}, "task"),
            ({"task": None}, "task"),
            ({"image": "/etc/passwd"}, "image"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_what_cannot_be_done_is_refused(self, service, store, changes, field):
        with pytest.raises(InvalidRequest) as caught:
            service.submit(given(**changes), "ada")
        assert caught.value.field == field
        assert store.waiting() == 0

    def test_a_model_that_is_not_here_says_how_to_get_it(self, service):
        with pytest.raises(InvalidRequest, match=r"models download wan2\.1-t2v-1\.3b"):
            service.plan(given(model="wan2.1-t2v-1.3b"))

    def test_a_model_that_is_not_here_is_accepted_where_it_may_be_fetched(self, store, folder):
        service = Service(store, folder, "wan-tiny", lambda spec: spec.bundled)
        plan = service.plan(given(model="wan2.1-t2v-1.3b"))
        assert plan.download_bytes == plan.spec.download_bytes > 20e9
        assert service.submit(given(model="wan2.1-t2v-1.3b"), "ada").request.model == plan.spec.id

    @pytest.mark.parametrize("path", ["missing.png", "a\0b", "x" * 5000, "/", 5])
    def test_a_medium_that_is_no_file_is_refused(self, service, path):
        with pytest.raises(UnreadableMedium) as caught:
            service.submit(given(task="image_to_video", image=path), "ada")
        assert caught.value.field == "image"

    def test_a_changed_file_is_looked_at_again(self, service, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(b"nothing")
        with pytest.raises(UnreadableMedium):
            service.plan(given(task="image_to_video", image=str(path)))
        Image.new("RGB", (96, 96)).save(path)
        assert service.plan(given(task="image_to_video", image=str(path))).request.width == 96

    def test_a_refused_file_is_not_opened_again(self, service, tmp_path, monkeypatch):
        opened = count_probes(monkeypatch)
        (tmp_path / "photo.png").write_bytes(b"nothing")
        for _ in range(2):
            with pytest.raises(UnreadableMedium, match="PNG"):
                service.plan(given(task="image_to_video", image=str(tmp_path / "photo.png")))
        assert len(opened) == 1

    def test_two_who_ask_at_once_open_a_file_once(self, service, photo, monkeypatch):
        opened = count_probes(monkeypatch)
        asked = given(task="image_to_video", image=str(photo))
        with ThreadPoolExecutor(4) as pool:
            plans = list(pool.map(service.plan, [asked] * 4))
        assert len({plan.request.width for plan in plans}) == 1
        assert len(opened) == 1

    def test_a_full_queue_refuses(self, service, store):
        for _ in range(3):
            service.submit(given(), "ada")
        with pytest.raises(QueueFull, match="3 jobs are waiting and the limit is 3"):
            service.submit(given(), "bob")
        assert store.waiting() == 3

    def test_a_full_disk_refuses(self, service, monkeypatch):
        monkeypatch.setattr(DataFolder, "has_room", lambda _folder: False)
        with pytest.raises(StorageFull):
            service.submit(given(), "ada")


class TestLoras:
    @pytest.fixture
    def style(self, folder) -> Path:
        path = folder.loras / "style.safetensors"
        path.write_bytes(b"")
        return path

    def test_a_file_of_the_data_folder_is_taken_by_its_name(self, service, style):
        job = service.submit(given(loras="style:0.5"), "ada")
        assert [(one.name, one.weight) for one in job.request.loras] == [(style.name, 0.5)]

    @pytest.mark.parametrize(
        "name", ["none", "../loras/style.safetensors", "./style", "owner/../style.safetensors"]
    )
    def test_what_does_not_lie_there_is_refused(self, service, style, store, name):
        with pytest.raises(InvalidRequest, match=r"loras/") as caught:
            service.submit(given(loras=[name]), "ada")
        assert caught.value.field == "loras"
        assert store.waiting() == 0

    def test_a_path_of_this_machine_is_never_taken(self, service, style, tmp_path):
        outside = tmp_path / "outside.safetensors"
        outside.write_bytes(b"")
        (style.parent / "link.safetensors").symlink_to(outside)
        for name in (str(style), str(outside), f"~/{outside.name}", outside.name, "link"):
            with pytest.raises(InvalidRequest):
                service.submit(given(loras=[name]), "ada")

    def test_a_refusal_lists_some_of_what_there_is(self, service, folder):
        for number in range(10):
            (folder.loras / f"style-{number}.safetensors").write_bytes(b"")
        with pytest.raises(InvalidRequest, match=r"style-7\.safetensors and 2 more; got 'x"):
            service.plan(given(loras="x"))

    def test_one_of_the_hub_is_taken_where_it_may_be_fetched(self, store, folder, service):
        open_one = Service(store, folder, "wan-tiny", lambda spec: spec.bundled)
        assert open_one.submit(given(loras="owner/repo"), "ada").request.loras
        with pytest.raises(InvalidRequest, match="fetches nothing"):
            service.submit(given(loras="owner/repo"), "ada")


class TestCancel:
    def test_a_waiting_job_ends(self, service):
        job = service.submit(given(), "ada")
        assert service.cancel(job.id, "ada").status is Status.CANCELLED

    def test_a_running_job_is_marked(self, service, store):
        job = service.submit(given(), "ada")
        store.claim("w")
        assert service.cancel(job.id, "ada").cancel_requested

    def test_a_finished_job_has_nothing_to_stop(self, service, store):
        job = service.submit(given(), "ada")
        store.complete(store.claim("w"), ())
        with pytest.raises(JobFinished):
            service.cancel(job.id, "ada")

    def test_another_persons_job_is_not_there(self, service):
        job = service.submit(given(), "ada")
        for owner in ("bob", ""):
            with pytest.raises(JobNotFound):
                service.get(job.id, owner)
            with pytest.raises(JobNotFound):
                service.cancel(job.id, owner)
        assert service.get(job.id, "ada").status is Status.WAITING
        assert JobNotFound.status == 404


class TestMemory:
    """What the server says of a machine without a GPU and with 24 GB, before anything is queued."""

    LAPTOP = Machine("cpu", 0, 0, 24 * GIB, 20 * GIB, 500 * GIB)

    @pytest.fixture
    def small(self, store, folder) -> Service:
        return Service(store, folder, "wan-tiny", lambda _spec: True, measure=lambda: self.LAPTOP)

    def test_a_model_that_does_not_fit_is_refused_with_what_would(self, small, store):
        asked = given(model="wan2.1-t2v-14b")
        with pytest.raises(DoesNotFit) as caught:
            small.submit(asked, "ada")
        said = str(caught.value)
        assert said.startswith("Wan2.1 T2V 14B does not fit at ")
        assert "where 20.0 GB are free" in said
        assert said.endswith(" fits.")
        assert store.waiting() == 0
        plan = small.plan(asked)
        assert (str(plan.refusal), plan.memory) == (said, None)

    def test_the_bundled_model_always_fits(self, store, folder):
        none = replace(self.LAPTOP, ram_free=0, disk_free=0)
        small = Service(store, folder, "wan-tiny", lambda _spec: True, measure=lambda: none)
        assert small.submit(given(), "ada").status is Status.WAITING

    def test_how_it_would_be_kept_is_told(self, small):
        plan = small.plan(given())
        assert plan.memory is not None
        assert plan.memory.rung.name == "resident, fp32"
        assert plan.notes == []

    def test_what_is_pinned_is_obeyed_with_a_warning(self, small):
        asked = given(model="wan2.1-t2v-14b", profile="resident")
        assert small.submit(asked, "ada").request.profile is Profile.RESIDENT
        (warning,) = [note for note in small.plan(asked).notes if "may run out" in note]
        assert warning.startswith("As you chose resident, ")

    @pytest.mark.parametrize(
        ("pinned", "field"),
        [({"profile": "group_offload"}, "profile"), ({"precision": "fp8"}, "precision")],
    )
    def test_what_is_impossible_here_is_refused(self, small, pinned, field):
        with pytest.raises(InvalidRequest, match="on the CPU") as caught:
            small.submit(given(**pinned), "ada")
        assert caught.value.field == field

    def test_without_a_look_at_the_machine_everything_fits(self, store, folder):
        blind = Service(store, folder, "wan-tiny", lambda _spec: True)
        assert blind.plan(given(model="wan2.1-t2v-14b")).refusal is None


def test_a_model_fits_where_the_machine_can_run_it(store, folder):
    large, gib = catalog.find("wan2.2-t2v-a14b"), 2**30
    small = Machine("cuda", 4 * gib, 4 * gib, 8 * gib, 8 * gib, 4 * gib)
    machine = Machine("cuda", 80 * gib, 80 * gib, 200 * gib, 200 * gib, 400 * gib)
    answers = [
        Service(store, folder, "wan-tiny", lambda _: True, measure=measure).fits(large)
        for measure in (None, lambda: machine, lambda: small)
    ]
    assert answers == [True, True, False]


def test_waiting_jobs_are_moved_by_their_owner_alone(service: Service):
    jobs = [service.submit(given(prompt=name), "ada") for name in "abc"]

    def order() -> str:
        return "".join(job.request.prompt for job, _ in service.waiting("ada"))

    service.move(jobs[2].id, "ada", -1)
    assert order() == "acb"
    service.move(jobs[0].id, "ada", 9)
    assert order() == "cba"
    service.move(jobs[2].id, "ada", -9)
    assert order() == "cba"
    with pytest.raises(JobNotFound):
        service.move(jobs[0].id, "bob", -1)
    service.cancel(jobs[0].id, "ada")
    service.move(jobs[0].id, "ada", -1)  # it waits no more: nothing to move
    assert order() == "cb"


def test_who_has_a_jobs_address_looks_at_it_and_nothing_more(service: Service):
    job = service.submit(given(), "ada")
    assert service.look(job.id).id == job.id
    with pytest.raises(JobNotFound):
        service.cancel(job.id, "bob")
    with pytest.raises(JobNotFound):
        service.look("another")


def test_clips_of_a_running_job_are_there_once_they_are_made(service: Service, store, folder):
    job = service.submit(given(num_videos_per_prompt=3), "ada")
    store.claim("w")
    assert service.look(job.id).outputs == ()
    folder.video(folder.video_of(job.id, 1, 0)).touch()
    (made,) = service.look(job.id).outputs
    assert (made.file, made.seed) == (folder.video_of(job.id, 1, 0), job.request.seed)


class TestLooking:
    """At videos: before they are edited, and after."""

    def test_a_sheet_shows_what_an_edit_began_with_above_what_it_became(
        self, service, store, folder, worker, clip, tmp_path
    ):
        job = store.add(
            request(task="video_to_video", video=folder.keep_input(clip), width=96), "ada"
        )
        worker.run_once()
        service.save_sheet(service.look(job.id), tmp_path / "sheet.webp", count=3)
        with Image.open(tmp_path / "sheet.webp") as sheet:
            assert sheet.format == "WEBP"
            assert sheet.width > 3 * 240
            assert 2 * 160 < sheet.height < 2 * 160 + 80

    def test_without_a_source_there_is_no_sheet(self, service, store, worker, tmp_path):
        job = store.add(request(), "ada")
        worker.run_once()
        with pytest.raises(UnreadableMedium):
            service.save_sheet(service.look(job.id), tmp_path / "sheet.png")
        assert list(tmp_path.glob("sheet*")) == []


def test_an_address_that_adds_jobs_too_fast_is_told_when_to_go_on(store, folder):
    """Whoever keeps no cookie is somebody else each time, so the owner's share holds nobody."""
    service = Service(store, folder, "wan-tiny", lambda _: True, Caps(2000, 20), rates=Rates(1, 60))
    for at in range(60):
        service.submit(given(), f"owner{at}", "203.0.113.5")
    with pytest.raises(TooFast, match=r"from your address. Try again in 1 s") as refused:
        service.submit(given(), "owner60", "203.0.113.5")
    assert refused.value.status == 429
    service.submit(given(), "owner61", "198.51.100.7")
    for at in range(100):
        service.submit(given(), f"here{at}")


def test_an_address_fills_a_part_of_the_queue_whoever_it_says_to_be(store, folder):
    service = Service(store, folder, "wan-tiny", lambda _: True, Caps(total=12, each=2))
    jobs = [service.submit(given(), f"owner{at}", "203.0.113.5") for at in range(3)]
    with pytest.raises(TooManyHere, match="3 jobs from your address are waiting") as refused:
        service.submit(given(), "owner3", "203.0.113.5")
    assert refused.value.status == 429
    service.submit(given(), "another", "198.51.100.7")
    for at in range(6):
        service.submit(given(), f"here{at}")  # this machine's own
    service.cancel(jobs[0].id, "owner0")
    service.submit(given(), "owner4", "203.0.113.5")


def test_a_safety_check_refuses_what_is_asked_for(store, folder):
    safety = Safety(lambda asked, _frames: "no stars" if "star" in asked.prompt else None)
    service = Service(store, folder, "wan-tiny", lambda _: True, safety=safety)
    service.submit(given(prompt="a circle"), "ada")
    with pytest.raises(Refused, match="no stars"):
        service.submit(given(prompt="a star"), "ada")
    assert len(service.list("ada")) == 1
