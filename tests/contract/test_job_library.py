"""What every job store does with what was made: it is found, pinned, deleted, removed for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.test_job_store import add, claim, now
from tests.contract.test_job_store import store as store
from wan_demo.domain.job import Failure, Job, Output, Status
from wan_demo.domain.library import EVERYTHING, Search
from wan_demo.domain.request import MAX_PROMPT, Task
from wan_demo.jobs.base import JobStore

BROKEN = Failure(code="generation_failed", message="It broke.")
HOUR = timedelta(hours=1)


def made(store: JobStore, owner: str = "ada", **changes) -> Job:
    """A job that has come to its end with a clip."""
    job = add(store, owner, **changes)
    claimed = claim(store)
    assert claimed.job.id == job.id
    assert store.complete(claimed, [Output(file=f"{job.id}.1.0.mp4", seed=1)])
    return now(store, job)


def found(store: JobStore, *words: str, owner: str = "ada", **wanted) -> list[str]:
    """The prompts of the owner's clips that a search finds."""
    search = Search.of(" ".join(words), **wanted)
    jobs = store.library(owner, search)
    assert store.found(owner, search) == len(jobs)
    return [job.request.prompt for job in jobs]


def far() -> datetime:
    return datetime.now(UTC) + HOUR


def test_a_library_holds_ones_own_clips_newest_first(store: JobStore):
    jobs = [made(store, prompt=prompt) for prompt in ("one", "two", "three")]
    made(store, "bob", prompt="bob's")
    assert [job.id for job in store.library("ada")] == [job.id for job in jobs[::-1]]
    assert store.library("ada")[0] == jobs[2]
    assert store.library("eve") == []
    assert store.found("bob") == 1


def test_only_what_ended_with_clips_is_in_the_library(store: JobStore):
    add(store, prompt="waits and is stopped")
    store.cancel(store.list("ada")[0].id)
    add(store, prompt="failed")
    store.fail(claim(store), BROKEN)
    add(store, prompt="failed after a clip")
    store.fail(claim(store), BROKEN, [Output(file="a.mp4", seed=1)])
    add(store, prompt="stopped after a clip")
    store.cancelled(claim(store), [Output(file="b.mp4", seed=1)])
    add(store, prompt="runs")
    claim(store)
    add(store, prompt="waits")
    assert found(store) == ["stopped after a clip", "failed after a clip"]


def test_pages_follow_each_other_whatever_comes_and_goes_meanwhile(store: JobStore):
    jobs = [made(store, prompt=str(index)) for index in range(7)][::-1]
    first = store.library("ada", limit=3)
    store.delete("ada", [first[-1].id])
    made(store, prompt="new")
    second = store.library("ada", limit=3, before=first[-1].id)
    rest = store.library("ada", limit=3, before=second[-1].id)
    assert [job.id for job in (*first, *second, *rest)] == [job.id for job in jobs]
    assert store.library("bob", before=first[0].id) == []
    assert store.library("ada", before="no such job") == []


def test_words_are_looked_for_in_the_prompts_all_of_them_and_whatever_their_case(store: JobStore):
    made(store, prompt="A red CIRCLE on grass")
    made(store, prompt="a blue square", prompt_end="a red square")
    made(store, prompt="Ärger im Übermaß, ЖУК, 一个红色的圆")
    assert found(store, "red") == ["a blue square", "A red CIRCLE on grass"]
    assert found(store, "circle", "RED") == ["A red CIRCLE on grass"]
    assert found(store, "red", "triangle") == []
    assert found(store, "übermaß", "ärger") == found(store, "жук") == found(store, "红色")
    assert len(found(store, "жук")) == 1


@pytest.mark.parametrize("word", ["100%", "a_b", "c\\d", "'; drop", '"q"', "[x]", "*", "?"])
def test_signs_of_the_database_are_letters_like_any_other(store: JobStore, word: str):
    made(store, prompt=f"with {word} in it")
    made(store, prompt="with 1000 axb cd drop q x in it")
    assert found(store, word) == [f"with {word} in it"]


def test_what_no_prompt_can_hold_is_found_nowhere(store: JobStore):
    made(store, prompt="a null of a thing")
    assert found(store, "nu\0ll") == ["a null of a thing"]
    assert found(store, "%") == found(store, "_") == found(store, "\\") == []


@pytest.mark.parametrize("word", ["\ud800", "\udc00x", "%" * 60_000, "\\" * 1_000_000, "_" * 4001])
def test_a_search_that_no_database_takes_finds_nothing(store: JobStore, word: str):
    made(store, prompt="100% _ \\ a thing")
    assert found(store, word) == found(store, *[word] * 30) == []
    assert found(store, model=word) == found(store, model="wan\0-tin") == []


def test_the_longest_word_of_a_prompt_is_found(store: JobStore):
    made(store, prompt="%" * MAX_PROMPT)
    made(store, prompt="\u0130" * MAX_PROMPT)
    assert found(store, "%" * MAX_PROMPT) == ["%" * MAX_PROMPT]
    assert found(store, "\u0130" * MAX_PROMPT) == ["\u0130" * MAX_PROMPT]
    assert found(store, "\u0130" * (MAX_PROMPT + 1)) == found(store, "%" * (MAX_PROMPT + 1)) == []


def test_a_library_is_filtered_by_task_and_model(store: JobStore):
    made(store, prompt="text")
    made(store, prompt="image", task="image_to_video", image="d" * 64)
    made(store, prompt="other", model="wan2.1-t2v-1.3b")
    assert found(store, task="image_to_video") == ["image"]
    assert found(store, model="wan-tiny") == ["image", "text"]
    assert found(store, "e", task="text_to_video", model="wan-tiny") == ["text"]
    assert found(store, task="image_to_video", model="wan2.1-t2v-1.3b") == []
    assert found(store, task="no such task") == ["other", "image", "text"]
    assert store.made("ada") == {
        (Task.TEXT_TO_VIDEO, "wan-tiny"),
        (Task.IMAGE_TO_VIDEO, "wan-tiny"),
        (Task.TEXT_TO_VIDEO, "wan2.1-t2v-1.3b"),
    }
    assert store.made("bob") == set()


def test_what_was_deleted_is_gone_at_once_and_comes_back(store: JobStore):
    kept, gone = made(store, prompt="kept"), made(store, prompt="gone")
    assert store.delete("ada", [gone.id]) == [gone.id]
    assert found(store) == [job.request.prompt for job in store.list("ada")] == ["kept"]
    assert now(store, gone).deleted_at is not None
    assert store.delete("ada", [gone.id]) == []
    assert store.restore("ada", [gone.id, kept.id], datetime.now(UTC) - HOUR) == [gone.id]
    assert found(store) == ["gone", "kept"]
    assert now(store, gone) == gone


def test_nobody_deletes_restores_or_pins_anothers(store: JobStore):
    mine = made(store)
    assert store.delete("bob", [mine.id]) == []
    store.pin("bob", [mine.id], True)
    assert now(store, mine) == mine
    store.delete("ada", [mine.id])
    assert store.restore("bob", [mine.id], datetime.now(UTC) - HOUR) == []


def test_only_what_has_ended_is_deleted_or_pinned(store: JobStore):
    running, waiting = add(store), add(store)
    claimed = claim(store)
    ids = [running.id, waiting.id]
    assert store.delete("ada", ids) == []
    store.pin("ada", ids, True)
    assert not any(job.pinned or job.deleted_at for job in store.list("ada"))
    assert store.complete(claimed, [])
    assert now(store, running).status is Status.COMPLETED


def test_a_mark_that_is_too_old_is_not_taken_back(store: JobStore):
    job = made(store)
    store.delete("ada", [job.id])
    assert store.restore("ada", [job.id], far()) == []
    assert found(store) == []


def test_a_row_goes_for_good_once_its_time_is_over_and_not_before(store: JobStore):
    gone, back, kept = made(store), made(store), made(store)
    store.delete("ada", [gone.id, back.id])
    assert store.deleted(datetime.now(UTC) - HOUR) == []
    assert set(store.deleted(far())) == {gone.id, back.id}
    store.forget(gone.id, datetime.now(UTC) - HOUR)
    assert now(store, gone).deleted_at is not None
    store.restore("ada", [back.id], datetime.now(UTC) - HOUR)
    for job in (gone, back, kept):
        store.forget(job.id, far())
    assert store.get(gone.id) is None
    assert [job.id for job in store.library("ada")] == [kept.id, back.id]


def test_the_oldest_go_first_of_all_owners_but_what_is_pinned(store: JobStore):
    pinned, bobs, newer, deleted = made(store), made(store, "bob"), made(store), made(store)
    add(store, prompt="failed without a clip")
    store.fail(claim(store), BROKEN)
    add(store)
    store.pin("ada", [pinned.id], True)
    store.delete("ada", [deleted.id])
    assert now(store, pinned).pinned
    assert store.oldest() == [deleted.id, bobs.id, newer.id]
    store.pin("ada", [pinned.id], False)
    assert store.oldest() == [deleted.id, pinned.id, bobs.id, newer.id]


def test_what_is_to_go_is_marked_unless_it_was_pinned_meanwhile(store: JobStore):
    old, new, running = made(store), made(store), add(store)
    store.pin("ada", [new.id], True)
    at = datetime.now(UTC) - HOUR
    assert store.expire([old.id, new.id, running.id], at) == [old.id]
    assert store.restore("ada", [old.id], at + timedelta(minutes=1)) == []
    assert store.deleted(datetime.now(UTC) - timedelta(minutes=1)) == [old.id]
    assert found(store) == [new.request.prompt]


def test_a_pinned_job_can_be_deleted_and_stays_pinned_when_it_comes_back(store: JobStore):
    job = made(store)
    store.pin("ada", [job.id], True)
    store.delete("ada", [job.id])
    assert store.oldest() == [job.id]
    store.restore("ada", [job.id], datetime.now(UTC) - HOUR)
    assert now(store, job).pinned


def test_each_of_several_inputs_is_known(store: JobStore):
    names = ("d" * 64, "e" * 64)
    add(store, reference_images=names)
    assert store.inputs() == set(names)
    assert all(store.uses("ada", name) for name in names)
    assert not store.uses("bob", names[0])
    assert not store.uses("ada", "d" * 63)
    assert not store.uses("ada", "%")
    assert not store.uses("ada", "_" * 64)


def test_inputs_are_known_by_all_jobs_that_name_them(store: JobStore):
    add(store, task="image_to_video", image="a" * 64, last_image="b" * 64)
    mine = made_of_video(store)
    add(store)
    assert store.inputs() == {"a" * 64, "b" * 64, "c" * 64}
    assert store.uses("bob", "c" * 64)
    assert not store.uses("ada", "c" * 64)
    assert not store.uses("bob", "wan-tiny")
    store.delete("bob", [mine.id])
    assert not store.uses("bob", "c" * 64)
    assert store.inputs() == {"a" * 64, "b" * 64, "c" * 64}, "it may come back"
    store.forget(mine.id, far())
    assert store.inputs() == {"a" * 64, "b" * 64}


def made_of_video(store: JobStore) -> Job:
    job = add(store, "bob", task="video_to_video", video="c" * 64, strength=0.5)
    store.cancel(job.id)
    return job


def test_everything_is_found_by_no_words(store: JobStore):
    made(store)
    assert Search.of("  ") == EVERYTHING
    assert found(store) == [store.library("ada")[0].request.prompt]
