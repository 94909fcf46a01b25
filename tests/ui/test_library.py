"""The Library's HTML and its events, over a real service."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Block

from tests.makers import noise, request
from wan_demo import catalog
from wan_demo.domain.job import Job, Output
from wan_demo.library.clips import Library, Page
from wan_demo.media.links import Links
from wan_demo.service import Service
from wan_demo.ui.clip_events import ClipEvents
from wan_demo.ui.events import State
from wan_demo.ui.layout import Layout, build_layout
from wan_demo.ui.library import render_shelf
from wan_demo.ui.library_events import LibraryEvents
from wan_demo.ui.library_layout import MOST_CARDS, PAGE
from wan_demo.ui.stage_events import StageEvents

TINY = catalog.find("wan-tiny")


class Visitor:
    """Somebody with the page open: what its components hold, and buttons to press."""

    def __init__(self, service: Service, links: Links, owner: str) -> None:
        with gr.Blocks():
            self.at: Layout = build_layout(service, TINY, "a test asked for it", "")
            state = State.build(TINY)
        self.library = LibraryEvents(service, links, self.at, state)
        self.clips = ClipEvents(service, links, self.at, state)
        self.stage = StageEvents(service, links, self.at, state)
        self.state = state
        self.links = links
        who: Any = SimpleNamespace(owner=owner, is_newcomer=False)
        asked: Any = SimpleNamespace(state=who, headers={}, query_params={})
        self.request = gr.Request(asked, session_hash=owner)
        parts = [*vars(self.at.library).values(), self.at.key.shown]
        shown = [*self.at.form.components().values(), *parts, *vars(state).values()]
        self.values: dict[Any, Any] = {one: getattr(one, "value", None) for one in shown}

    def does(self, event: Any, **chosen: Any) -> None:
        """Choose values by the Library's names, then let an event happen."""
        for name, value in chosen.items():
            self.values[getattr(self.at.library, name)] = value
        self._take(event(self.values, self.request))

    def presses(self, event: Any, **data: str) -> None:
        """Press a button that has these ``data-`` attributes."""
        told = {name: self._token(data[name]) if "job" in name else data[name] for name in data}
        self._take(event(self.values, gr.EventData(None, told), self.request))

    def _token(self, job_ids: str) -> str:
        return ",".join(self.links.job(job_id) for job_id in job_ids.split(","))

    def _take(self, updates: dict[Any, Any]) -> None:
        self.changed = {}
        for component, update in updates.items():
            if update == gr.skip():
                continue
            if isinstance(update, Block):
                self.changed[component] = dict(update.constructor_args)
                update = update.constructor_args.get("value", self.values.get(component))
            self.values[component] = update

    def prompts(self) -> list[str]:
        """What the cards say, from the first."""
        return re.findall(r"<span class='said'(?: translate='no')?>(.*?)</span>", self.shelf)

    @property
    def shelf(self) -> str:
        return self.values[self.at.library.shelf]

    @property
    def clip(self) -> str:
        return self.values[self.at.library.clip]

    @property
    def notice(self) -> str:
        return self.values.get(self.at.notice) or ""


@pytest.fixture
def make(store, worker):
    def make(owner: str = "ada", **changes) -> Job:
        job = store.add(request(**changes), owner)
        assert worker.run_once()
        return store.get(job.id)

    return make


@pytest.fixture
def ada(service, links) -> Visitor:
    return Visitor(service, links, "ada")


@pytest.fixture
def bob(service, links) -> Visitor:
    return Visitor(service, links, "bob")


def test_it_begins_with_a_place_for_what_is_to_come(ada):
    ada.does(ada.library.look)
    assert "Your videos will be here" in ada.shelf
    assert "data-file" in ada.shelf


def test_cards_show_ones_own_clips_and_nobody_elses(ada, bob, make):
    make(prompt="a <b>red</b> circle")
    make(prompt="a star", prompt_end="two stars", num_videos_per_prompt=2)
    ada.does(ada.library.look)
    assert ada.prompts() == ["a star → two stars", "a &lt;b&gt;red&lt;/b&gt; circle"]
    assert "2 clips<" in ada.shelf
    assert ada.shelf.count("<img src='files/") == 2
    assert "<b>2</b>" in ada.shelf
    assert "wan-tiny</span><span>64×64</span><span>1.1 s" in ada.shelf
    bob.does(bob.library.look)
    assert bob.prompts() == []


def test_a_clip_without_a_poster_shows_itself(ada, make, folder):
    job = make()
    folder.poster(job.outputs[0].file).unlink()
    ada.does(ada.library.look)
    assert "<img" not in ada.shelf
    assert re.search(r"<video src='files/[^']+#t=0.5' preload='metadata'", ada.shelf)


def test_a_clip_without_a_prompt_says_so(ada, make, folder, tmp_path):
    noise((64, 64)).save(tmp_path / "a.png")
    make(task="image_to_video", prompt="", image=folder.keep_input(tmp_path / "a.png"))
    ada.does(ada.library.look)
    assert ada.prompts() == ["<i>without a prompt</i>"]


def test_a_search_finds_and_counts_and_says_what_it_does_not_find(ada, make):
    for prompt in ("red circle", "red star", "blue star"):
        make(prompt=prompt)
    ada.does(ada.library.find, search="RED")
    assert ada.prompts() == ["red star", "red circle"]
    assert "2 clips found" in ada.shelf
    ada.does(ada.library.find, search="red moon")
    assert "Nothing found" in ada.shelf
    ada.does(ada.library.clear)
    assert len(ada.prompts()) == 3
    assert ada.values[ada.at.library.search] == ""


def test_filters_offer_only_what_one_has_clips_of(ada, make, store):
    outputs = make().outputs
    store.add(request(model="my own, since gone"), "ada")
    store.complete(store.claim("w1"), outputs)
    ada.does(ada.library.look)
    parts = ada.at.library
    titles = [title for title, _ in ada.changed[parts.model]["choices"]]
    assert titles == ["All models", TINY.title, "my own, since gone"]
    assert ada.changed[parts.task]["choices"] == [
        ("All tasks", ""),
        ("Text to video", "text_to_video"),
    ]
    ada.does(ada.library.find, model="my own, since gone")
    assert "1 clip found" in ada.shelf
    ada.does(ada.library.find, model="", task="image_to_video")
    assert "Nothing found" in ada.shelf


def test_there_are_more_below_and_a_search_begins_at_its_top(ada, store, make):
    outputs = make().outputs
    for index in range(PAGE + 2):
        store.add(request(prompt=str(index)), "ada")
        store.complete(store.claim("w1"), outputs)
    ada.does(ada.library.look)
    assert len(ada.prompts()) == PAGE
    assert f"{PAGE + 3} clips" in ada.shelf
    ada.does(ada.library.more)
    assert len(ada.prompts()) == PAGE + 3
    assert "Show more" not in ada.shelf


def test_there_is_no_button_for_more_cards_than_are_ever_shown(links: Links, store):
    job = store.add(request(), "ada")
    page = Page([job_with_clip(job)] * MOST_CARDS, MOST_CARDS + 1)
    shelf = render_shelf(page, False, links, frozenset(), None)
    assert "Show more" not in shelf
    assert "These are the newest 2,400. Search for older ones." in shelf


def job_with_clip(job: Job) -> Job:
    return replace(job, outputs=(Output(file=f"{job.id}.1.0.mp4", seed=1),))
    ada.does(ada.library.look)
    assert len(ada.prompts()) == PAGE + 3
    ada.does(ada.library.find, search="moving")
    assert ada.values[ada.at.library.limit] == PAGE


def test_an_opened_clip_shows_all_of_its_job(ada, bob, make):
    job = make(prompt="a star", num_videos_per_prompt=2, seed=7)
    ada.presses(ada.library.open, job=job.id)
    assert "seed 7</span>" in ada.clip
    ada.presses(ada.library.open, job=job.id, clip="1")
    assert "seed 8</span>" in ada.clip
    assert ada.clip.count("<video") == 1
    assert "aria-pressed='true'>Clip 2<" in ada.clip
    for action in ("reuse", "edit", "animate", "pin", "delete", "close"):
        assert f"data-action='{action}'" in ada.clip
    assert "?download=true" in ada.clip
    for told in ("9", "-1", "x", "10" * 50):
        ada.presses(ada.library.open, job=job.id, clip=told)
        assert "<video" in ada.clip
    bob.presses(bob.library.open, job=job.id)
    assert bob.clip == ""


def test_a_deleted_clip_comes_back_with_undo(ada, bob, make):
    job, other = make(prompt="gone"), make(prompt="kept")
    ada.presses(ada.library.open, job=job.id)
    ada.presses(ada.library.delete, job=job.id)
    assert (ada.prompts(), ada.clip) == (["kept"], "")
    assert "Deleted 1 clip." in ada.notice
    assert f"data-action='undo' data-jobs='{ada.links.job(job.id)}'" in ada.notice
    bob.presses(bob.library.undo, jobs=job.id)
    ada.does(ada.library.look)
    assert ada.prompts() == ["kept"]
    ada.presses(ada.library.undo, jobs=job.id)
    assert (ada.prompts(), ada.notice) == (["kept", "gone"], "")
    ada.presses(ada.library.delete, jobs=f"{job.id},{other.id}")
    assert "Deleted 2 clips." in ada.notice


def test_what_can_not_be_deleted_or_had_back_is_said(ada, bob, make, store):
    job, waiting = make(), store.add(request(), "ada")
    for button in ({"job": job.id}, {"jobs": "a,b"}, {}):
        bob.presses(bob.library.delete, **button)
        assert "There is no such job among yours." in bob.notice
    ada.presses(ada.library.delete, jobs=f"{job.id},{waiting.id}")
    assert "Stop it first" in ada.notice
    assert len(ada.prompts()) == 1
    ada.presses(ada.library.undo, jobs=job.id)
    assert "too late" in ada.notice


def test_pins_are_seen_and_taken_back(ada, bob, make, store):
    job = make()
    ada.presses(ada.library.open, job=job.id)
    ada.presses(ada.library.pin, job=job.id, pin="yes")
    assert store.get(job.id).pinned
    assert "aria-pressed='true' aria-label='Unpin" in ada.shelf
    assert ">Unpin</button>" in ada.clip
    bob.presses(bob.library.pin, job=job.id, pin="")
    assert store.get(job.id).pinned
    ada.presses(ada.library.pin, job=job.id, pin="")
    assert not store.get(job.id).pinned


def test_a_disk_budget_is_announced_and_what_goes_next_is_marked(store, folder, links, make):
    first, _ = make(prompt="first"), make(prompt="second")
    taken = sum(folder.sizes().values())
    library = Library(store, folder, taken + 1)
    service = Service(store, folder, TINY.id, lambda _spec: True, library=library)
    ada = Visitor(service, links, "ada")
    ada.does(ada.library.look)
    assert "Beyond that the oldest go first" in ada.shelf
    assert "pinned ones stay, up to 50% of it" in ada.shelf
    assert [card.count("next to go") for card in ada.shelf.split("class='card'")[1:]] == [0, 1]
    ada.presses(ada.library.open, job=first.id)
    assert "next to go" in ada.clip


def test_a_pin_for_which_there_is_no_room_says_so(store, folder, links, make):
    job = make()
    library = Library(store, folder, sum(folder.sizes().values()))
    ada = Visitor(
        Service(store, folder, TINY.id, lambda _spec: True, library=library), links, "ada"
    )
    ada.presses(ada.library.pin, job=job.id, pin="yes")
    assert "unpin another" in ada.notice
    assert not store.get(job.id).pinned
