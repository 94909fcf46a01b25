"""Everything that a person meets on one visit, state by state, over the fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e import person
from tests.e2e.test_edit import wait_for_picture

CLIPS = 3
"""How many are made before the Library is opened."""


def walk(page: Page, clip: Path) -> Iterator[str]:
    """Goes on to the next state each time it is asked; yields its name. The page is just open."""
    yield "empty"
    yield from _refused(page)
    yield from _folded_out(page)
    yield from _made(page)
    yield from _not_made(page)
    yield from _kept(page)
    yield from _edited(page, clip)


def _refused(page: Page) -> Iterator[str]:
    person.type_number(page, "Frames", "18")
    expect(person.plan(page).get_by_role("alert")).to_be_visible()
    yield "refused"
    page.get_by_role("button", name="Use 17").click()
    person.type_prompt(page, "a dragon over the mountains")
    expect(person.notes(page).locator(".note").first).to_be_visible()
    yield "noted"


def _folded_out(page: Page) -> Iterator[str]:
    """Every control of the first tab, and a drop-down's list."""
    for name in ("more", "advanced", "key"):
        fold = page.locator(f"#{name} > .label-wrap")
        if fold.is_visible():
            fold.click()
    page.locator("#model input").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    yield "settings and the models"
    page.keyboard.press("Escape")
    page.locator("#model input").blur()


def _made(page: Page) -> Iterator[str]:
    person.type_prompt(page, "a red circle")
    person.generate(page)
    person.stage(page, "running")
    expect(page.locator(".stage .line")).to_contain_text("Step")
    yield "running"
    for count in range(2, CLIPS + 1):
        person.generate(page)
        expect(page.locator("#strip button")).to_have_count(count)
    expect(page.locator("#waiting li").first).to_be_visible()
    person.stage(page, "waiting")
    yield "waiting"
    expect(page.locator("#waiting li")).to_have_count(0)
    person.finished_video(page)
    yield "done"


def _not_made(page: Page) -> Iterator[str]:
    person.type_prompt(page, "this will fail")
    person.generate(page)
    person.stage(page, "failed")
    yield "failed"
    person.type_prompt(page, "a blue star")
    person.generate(page)
    person.stage(page, "running")
    page.get_by_role("button", name="Stop", exact=True).click()
    person.stage(page, "stopped")
    yield "stopped"


def _kept(page: Page) -> Iterator[str]:
    page.get_by_role("tab", name="Library").click()
    expect(page.locator("#library .card")).to_have_count(CLIPS)
    yield "library"
    page.locator("#library .card .open").first.click()
    expect(page.locator("#clip .opened")).to_be_visible()
    yield "clip"
    page.locator("#clip [data-action=delete]").click()
    expect(page.locator("#notice .note")).to_be_visible()
    expect(page.locator("#library .card")).to_have_count(CLIPS - 1)
    yield "deleted"
    page.locator("#notice [data-action=undo]").click()
    expect(page.locator("#library .card")).to_have_count(CLIPS)
    page.get_by_label("Search", exact=True).fill("nothing like this")
    expect(page.locator("#library .none")).to_be_visible()
    yield "nothing found"


def _edited(page: Page, clip: Path) -> Iterator[str]:
    person.go_to(page, "Image to video")
    yield "a picture is missing"
    person.go_to(page, "Style edit")
    yield "a video is missing"
    page.locator("#video input[type=file]").set_input_files(clip)
    wait_for_picture(page, "#timeline .film")
    for name in ("part", "fine-tune"):
        page.locator(f"#{name} > .label-wrap").click()
    wait_for_picture(page, "#board .frame")
    yield "edit with a mask"
    person.type_prompt(page, "a green square")
    person.generate(page)
    person.finished_video(page)
    expect(page.locator(".stage .compare")).to_be_visible()
    yield "before and after"
