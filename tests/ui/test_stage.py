"""The stage's HTML in each state of a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.makers import request
from wan_demo.domain.job import Failure, Job, Output, Progress, Stage, Status
from wan_demo.domain.request import Task
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.service import Place
from wan_demo.ui.stage import fraction, render_stage
from wan_demo.ui.strip import render_strip

NOW = datetime(2026, 11, 21, tzinfo=UTC)
JOB = Job("job-1", "me", request(prompt="<b>a & b</b>"), Status.WAITING, NOW)


@pytest.fixture
def links(tmp_path) -> Links:
    return Links(DataFolder(tmp_path).create())


def _running(**progress) -> Job:
    return replace(JOB, status=Status.RUNNING, progress=Progress(**progress))


def test_nothing_yet(links: Links):
    nothing = render_stage(None, None, links)
    assert "data-state='empty'" in nothing
    assert [task for task in Task if f"class='to-{task}'" in nothing] == list(Task)


def test_a_prompt_is_never_markup(links: Links):
    html = render_stage(JOB, Place(0, None), links)
    assert "<b>a" not in html
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in html


def test_a_waiting_job_says_its_place_and_when_it_starts(links: Links):
    assert "3rd in the queue, starts in about 40 s" in render_stage(JOB, Place(2, 40), links)
    assert "3rd in the queue<" in render_stage(JOB, Place(2, None), links)
    assert "Starting" in render_stage(JOB, Place(0, 0.0), links)


def test_a_running_job_says_its_step_and_the_time_left(links: Links):
    job = _running(stage=Stage.STEP, step=5, steps=10, seconds_left=12)
    html = render_stage(job, None, links)
    assert "Step 5 of 10, 12 s left" in html
    assert "aria-valuenow='45'" in html
    assert "data-title='45% · Wan Demo'" in html


@pytest.mark.parametrize(
    ("progress", "heard"),
    [
        (Progress(stage=Stage.STEP, step=5, steps=11, seconds_left=12), "Making your video: 25%"),
        (Progress(stage=Stage.STEP, step=9, steps=11), "Making your video: 75%"),
        (
            Progress(stage=Stage.DOWNLOADING, done_bytes=1, total_bytes=9),
            "Downloading the model: 0%",
        ),
        (Progress(stage=Stage.LOADING, memory="All stays."), "Loading the model"),
    ],
)
def test_who_hears_the_page_is_told_a_quarter_at_a_time(links: Links, progress, heard):
    job = replace(JOB, status=Status.RUNNING, progress=progress)
    html = render_stage(job, None, links)
    assert f"<p class='heard' role='status'>{heard}</p>" in html
    assert html.count("role='status'") == 1


def test_who_hears_the_page_is_told_of_a_place_and_not_of_each_second(links: Links):
    html = render_stage(JOB, Place(2, 40), links)
    assert "<p class='heard' role='status'>3rd in the queue</p>" in html


def test_how_the_model_is_kept_is_told_until_it_is_loaded(links: Links):
    kept = {"memory": "Everything stays <here>."}
    assert "Everything stays &lt;here&gt;." in render_stage(
        _running(stage=Stage.LOADING, **kept), None, links
    )
    assert "Everything" not in render_stage(
        _running(stage=Stage.STEP, step=1, steps=2, **kept), None, links
    )


def test_what_a_person_must_know_of_memory_stays(links: Links):
    job = _running(stage=Stage.STEP, step=1, steps=2, memory="x", notice="Out of memory: again.")
    assert "<span class='notice'>Out of memory: again.</span>" in render_stage(job, None, links)


def test_a_preview_is_shown_once_there_is_one(links: Links, tmp_path):
    assert "<img" not in render_stage(_running(stage=Stage.STEP, step=1, steps=9), None, links)
    DataFolder(tmp_path).preview("job-1").write_bytes(b"webp")
    html = render_stage(_running(stage=Stage.STEP, step=1, steps=9), None, links)
    assert "<img class='preview' src='files/" in html


def test_a_stop_that_was_asked_for_shows_at_once(links: Links):
    job = replace(_running(stage=Stage.STEP, step=1, steps=9), cancel_requested=True)
    assert "Stopping" in render_stage(job, None, links)


def test_a_finished_job_shows_all_its_videos_and_what_next(links: Links):
    job = replace(
        JOB,
        status=Status.COMPLETED,
        outputs=(Output(file="a.mp4", seed=1), Output(file="b.mp4", seed=2)),
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=7),
    )
    html = render_stage(job, None, links)
    assert html.count("<video") == 2
    assert "made in 7 s" in html
    assert "seed 1, 2" in html
    for action in ("again", "reuse", "extend", "animate", "edit"):
        assert f"data-action='{action}'" in html
    assert html.count("data-choose=") == 2


def test_each_of_several_edits_can_be_seen_beside_its_source(links: Links, tmp_path):
    outputs = tuple(Output(file=f"{name}.mp4", seed=1) for name in "abc")
    edited = request(task="video_to_video", video="v", num_videos_per_prompt=3)
    job = replace(JOB, request=edited, status=Status.COMPLETED, outputs=outputs)
    assert "compare" not in render_stage(job, None, links)
    DataFolder(tmp_path).source(JOB.id).write_bytes(b"mp4")
    html = render_stage(job, None, links)
    assert "class='videos n3 compare'" in html
    assert html.count("<video class='after'") == html.count("data-choose=") == 3
    assert html.count("<video class='before'") == html.count("data-action='sheet'") == 1
    single = render_stage(replace(job, outputs=outputs[:1]), None, links)
    assert "class='videos n1 compare'" in single
    assert "data-choose" not in single
    running = render_stage(replace(job, status=Status.RUNNING), None, links)
    assert "compare" not in running
    assert "data-choose" not in running


def test_players_show_the_still_picture_until_they_have_the_clip(links: Links, tmp_path):
    outputs = (Output(file="a.mp4", seed=1),)
    job = replace(JOB, status=Status.COMPLETED, outputs=outputs)
    assert "poster" not in render_stage(job, None, links) + render_strip([job], "", links)
    DataFolder(tmp_path).poster("a.mp4").write_bytes(b"webp")
    for html in (render_stage(job, None, links), render_strip([job], "", links)):
        assert f" poster='{links.poster('a.mp4')}'" in html


def test_a_failure_is_told_and_can_be_tried_again(links: Links):
    failure = Failure(code="x", message="It broke <here>.")
    html = render_stage(replace(JOB, status=Status.FAILED, failure=failure), None, links)
    assert "It broke &lt;here&gt;." in html
    assert "Try again" in html
    assert "data-action='animate'" not in html


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        ({"stage": Stage.STARTING}, 0.0),
        ({"stage": Stage.STEP, "step": 9, "steps": 9}, 0.9),
        ({"stage": Stage.ENCODING}, 0.97),
        ({"stage": Stage.STEP, "step": 9, "steps": 9, "clip": 1, "clips": 2}, 0.95),
    ],
)
def test_progress_counts_all_clips(progress: dict, share: float):
    assert fraction(_running(**progress)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("early", "state", "line"),
    [
        ({"status": Status.CANCELLED}, "stopped", "Stopped: 2 of 3 made"),
        (
            {"status": Status.FAILED, "failure": Failure(code="x", message="No <room>.")},
            "failed",
            "2 of 3 made, then it failed: No &lt;room&gt;.",
        ),
    ],
)
def test_what_was_made_before_an_early_end_is_shown(links: Links, early, state, line):
    outputs = (Output(file="a.mp4", seed=1), Output(file="b.mp4", seed=2))
    asked = request(num_videos_per_prompt=3)
    html = render_stage(replace(JOB, request=asked, outputs=outputs, **early), None, links)
    assert f"data-state='{state}'" in html
    assert line in html
    assert html.count("<video") == html.count(">Download ") == 2
    assert "Edit this" in html


def test_the_first_of_several_videos_is_there_while_the_next_is_made(links: Links):
    made = (Output(file="job-1.1.0.mp4", seed=7),)
    job = replace(_running(stage=Stage.STEP, step=1, steps=2, clip=1, clips=2), outputs=made)
    html = render_stage(job, None, links)
    assert "class='videos n2'" in html
    assert "Your video, seed 7" in html
    assert "Video 2 of 2: step 1 of 2" in html
    assert "data-action" not in html
