"""The page itself, over the fake engine: refusals, stopping, reloading, two people, phones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e import person
from tests.e2e.conftest import OpenPage
from wan_demo import catalog

DEFAULTS = catalog.BUNDLED.defaults

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)


def test_a_frame_count_that_wan_cannot_make_is_refused_with_buttons(page: Page, server: str):
    person.open_app(page, server)
    person.type_number(page, "Frames", "18")
    expect(person.plan(page)).to_contain_text("must be 4k+1 from 9 to 33")
    person.generate(page)
    expect(page.locator("#strip button")).to_have_count(0)
    page.get_by_role("button", name="Use 21").click()
    expect(person.plan(page)).to_contain_text("21 frames")
    assert person.field_value(page, "num_frames") == "21"


def test_nothing_moves_when_the_queue_is_told(page: Page, server: str):
    person.open_app(page, server)
    expect(page.locator("#queue span")).to_have_text("Queue empty")
    still = page.locator("#model").bounding_box()
    page.locator("#queue span").evaluate(
        "(line) => { line.textContent = '12 jobs in the queue, about 59 min 59 s' }"
    )
    assert page.locator("#model").bounding_box() == still


def test_an_empty_prompt_and_missing_media_say_what_to_do(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "   ")
    expect(person.plan(page)).to_contain_text("Say what the video shows")
    person.generate(page)
    expect(person.plan(page).get_by_role("alert")).to_contain_text("Say what the video shows")
    person.go_to(page, "Image to video")
    expect(person.plan(page)).to_contain_text("Add the picture")
    person.go_to(page, "Style edit")
    expect(person.plan(page)).to_contain_text("Add the video")
    expect(page.locator("#strip button")).to_have_count(0)


def test_before_its_tabs_are_drawn_the_page_is_for_text(page: Page, server: str):
    person.open_app(page, server)
    page.evaluate(
        """() => {
          delete document.body.dataset.task;
          const tabs = document.querySelectorAll("#tasks [role=tab]");
          for (const tab of tabs) tab.ariaSelected = "false";
        }"""
    )
    person.type_prompt(page, "a green star")
    expect(person.plan(page)).to_contain_text("Will run")


def test_a_file_that_is_no_image_is_refused_on_the_page(page: Page, server: str, tmp_path: Path):
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"nothing" * 20)
    page.locator("#image input[type=file]").set_input_files(broken)
    expect(person.plan(page)).to_contain_text("Image must be a PNG, JPEG")


@pytest.mark.parametrize(("typed", "left"), [(None, ""), ("a teal square", "a teal square")])
def test_ones_own_picture_takes_an_examples_prompt_away_and_none_of_ones_own(
    page: Page, server: str, tmp_path: Path, typed: str | None, left: str
):
    Image.new("RGB", (96, 96), "teal").save(tmp_path / "own.png")
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    if typed:
        person.type_prompt(page, typed)
    page.locator("#image input[type=file]").set_input_files(tmp_path / "own.png")
    expect(person.plan(page)).to_contain_text("Will run")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(left)
    person.pick_example(page, "a blue circle shrinking on a sand background")


def test_strange_words_get_a_friendly_note(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "a dragon over the mountains")
    expect(person.notes(page)).to_contain_text("does not know “dragon”, “over”, “mountains”")
    expect(person.notes(page)).to_contain_text("Wan2.1 T2V 1.3B")


def test_the_size_follows_an_uploaded_picture(page: Page, server: str, tmp_path: Path):
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    picture = tmp_path / "wide.png"
    Image.new("RGB", (320, 180), (40, 180, 70)).save(picture)
    page.locator("#image input[type=file]").set_input_files(picture)
    expect(person.plan(page)).to_contain_text("Will run 112×64")
    assert person.field_value(page, "width") == "112"


def test_a_running_job_is_stopped_and_its_settings_stay(page: Page, server: str):
    person.open_app(page, server)
    person.type_number(page, "Frames", "25")
    expect(person.plan(page)).to_contain_text("25 frames")
    person.generate(page)
    person.stage(page, "running")
    page.get_by_role("button", name="Stop", exact=True).click()
    person.stage(page, "stopped")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    assert person.field_value(page, "num_frames") == "25"
    expect(page.locator("#strip")).to_contain_text("stopped")


def test_keys_generate_and_stop(page: Page, server: str):
    person.open_app(page, server)
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    person.stage(page, "running")
    page.keyboard.press("Escape")
    person.stage(page, "stopped")


def test_a_reloaded_page_finds_its_running_job_and_its_clip(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "a blue star")
    person.generate(page)
    job = person.stage(page, "running").get_attribute("data-job")
    page.reload()
    expect(page.locator(f".stage[data-job='{job}']")).to_be_visible()
    person.finished_video(page)
    page.reload()
    person.finished_video(page)
    expect(page.locator(".stage .said")).to_have_text("a blue star")


def test_a_reload_keeps_what_the_former_page_held_not_what_this_one_is_opening_with(
    page: Page, server: str
):
    """Gradio asks for it late: what is typed meanwhile is kept at once, and isn't to come back."""
    person.open_app(page, server)
    person.type_prompt(page, "a purple star")
    person.type_number(page, "Frames", "25")
    page.wait_for_function(person.IS_KEPT, arg=["num_frames", 25])
    page.add_init_script(
        """new MutationObserver((_, observer) => {
          if (!document.getElementById("plan")) return;
          observer.disconnect();
          const kept = JSON.parse(sessionStorage.getItem("wan_demo.form"));
          sessionStorage.setItem("wan_demo.form", JSON.stringify({ ...kept, num_frames: 9 }));
        }).observe(document, { childList: true, subtree: true })"""
    )
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a purple star")
    expect(person.plan(page)).to_contain_text("25 frames")


def test_a_reload_keeps_the_form(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "a purple star")
    person.type_number(page, "Frames", "25")
    person.go_to(page, "Style edit")
    page.get_by_label("Keep seed").check()
    seed = page.locator("#seed input").input_value()
    person.reload(page, lock=True)
    expect(page.get_by_role("tab", name="Style edit")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a purple star")
    expect(page.get_by_label("Keep seed")).to_be_checked()
    assert person.field_value(page, "num_frames") == "25"
    assert page.locator("#seed input").input_value() == seed


def test_a_second_clip_never_hides_the_first(page: Page, server: str):
    person.open_app(page, server)
    for prompt in ("a blue star", "a red star"):
        person.type_prompt(page, prompt)
        expect(person.plan(page)).to_contain_text("Will run")
        person.generate(page)
        expect(page.locator(".stage .said")).to_have_text(prompt)
        person.finished_video(page)
    clips = page.locator("#strip button")
    expect(clips).to_have_count(2)
    clips.nth(1).click()
    expect(page.locator(".stage .said")).to_have_text("a blue star")
    expect(clips.nth(1)).to_have_attribute("aria-pressed", "true")


def test_a_result_goes_from_tab_to_tab_and_back(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "a blue star")
    person.generate(page)
    person.finished_video(page)
    page.get_by_role("button", name="Edit this").click()
    tab = page.get_by_role("tab", name="Style edit")
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(person.plan(page)).to_contain_text(f"strength {DEFAULTS.strength:g}")
    page.get_by_role("button", name="Animate this frame").click()
    expect(page.locator("#image img")).to_be_visible()
    expect(person.plan(page)).not_to_contain_text("strength")
    person.generate(page)
    person.finished_video(page)
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Keep seed")).to_be_checked()


def test_again_draws_another_seed_with_the_same_settings(page: Page, server: str):
    person.open_app(page, server)
    person.generate(page)
    first = person.stage(page, "done")
    chips = first.locator(".chips").inner_text()
    page.get_by_role("button", name="Again, new seed").click()
    expect(page.locator("#strip button")).to_have_count(2)
    person.finished_video(page)
    again = page.locator(".stage .chips").inner_text()
    assert _seed(again) != _seed(chips)
    assert again.replace(_seed(again), "") == chips.replace(_seed(chips), "")


def test_a_failed_job_says_why_and_the_next_one_runs(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "please fail")
    person.generate(page)
    expect(person.stage(page, "failed")).to_contain_text("asked to fail")
    person.type_prompt(page, "a blue star")
    expect(person.plan(page)).to_contain_text("Will run")
    person.generate(page)
    person.finished_video(page)


def test_two_people_get_their_own_video_and_see_nothing_of_each_other(
    open_page: OpenPage, server: str
):
    one, other = open_page(), open_page()
    for page, prompt in ((one, "a red star"), (other, "a green star")):
        person.open_app(page, server)
        person.type_prompt(page, prompt)
        expect(person.plan(page)).to_contain_text("Will run")
        person.generate(page)
    expect(other.locator("#queue")).to_contain_text("in the queue")
    sources = set()
    for page, prompt in ((one, "a red star"), (other, "a green star")):
        sources.add(person.finished_video(page).get_attribute("src"))
        expect(page.locator(".stage .said")).to_have_text(prompt)
        expect(page.locator("#strip button")).to_have_count(1)
    assert len(sources) == 2
    assert "a green star" not in one.content()


def test_one_person_stop_never_ends_another_job(open_page: OpenPage, server: str):
    one, other = open_page(), open_page()
    for page in (one, other):
        person.open_app(page, server)
        person.generate(page)
        expect(page.locator(".stage")).not_to_have_attribute("data-state", "empty")
    other.get_by_role("button", name="Stop", exact=True).click()
    person.stage(other, "stopped")
    person.finished_video(one)


def test_a_model_changes_the_ranges_and_says_what_it_changed(page: Page, server: str):
    person.open_app(page, server)
    page.get_by_label("Model").click()
    page.get_by_role("option", name=re.compile("Wan2.1 T2V 1.3B")).click()
    expect(page.locator("#model")).to_contain_text("Width → 832")
    assert person.field_value(page, "width") == "832"
    expect(page.get_by_label("Quality")).to_be_checked()
    person.generate(page)
    expect(person.plan(page)).to_contain_text("is not on this machine")
    page.get_by_label("Model").click()
    page.get_by_role("option", name=re.compile("^Wan Tiny ·")).click()
    expect(person.plan(page)).to_contain_text("Will run 96×96, 17 frames")
    expect(page.get_by_label("Balanced")).to_be_checked()
    assert person.field_value(page, "guidance_scale") == f"{DEFAULTS.guidance_scale:g}"


def test_preset_and_ratio_show_what_the_values_are(page: Page, server: str):
    person.open_app(page, server)
    for _ in range(2):
        page.reload()
        page.wait_for_timeout(2000)  # what comes with the load must not undo them
        expect(page.get_by_label("Balanced")).to_be_checked()
        expect(page.get_by_label("1:1")).to_be_checked()
    page.get_by_label("Quality").check()
    page.get_by_label("16:9").check()
    expect(person.plan(page)).to_contain_text("112×64")
    expect(person.plan(page)).to_contain_text("24 steps")
    person.type_number(page, "Width", "128")
    expect(page.get_by_label("16:9")).not_to_be_checked()
    person.type_number(page, "Width", "112")
    expect(page.get_by_label("16:9")).to_be_checked()
    expect(page.get_by_label("Quality")).to_be_checked()


def test_settings_of_a_text_clip_leave_the_other_tabs_alone(page: Page, server: str):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    page.get_by_role("button", name="a cyan circle moving right").click()
    expect(page.locator("#video video")).to_be_visible()
    person.go_to(page, "Text to video")
    person.generate(page)
    person.finished_video(page)
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Keep seed")).to_be_checked()
    person.go_to(page, "Style edit")
    expect(page.locator("#video video")).to_be_visible()
    assert person.field_value(page, "strength") == f"{DEFAULTS.strength:g}"


def test_escape_in_a_list_stops_nothing(page: Page, server: str):
    person.open_app(page, server)
    person.generate(page)
    person.stage(page, "running")
    page.get_by_label("Model").click()
    page.keyboard.press("Escape")
    person.finished_video(page)


def test_a_phone_shows_the_stage_right_under_generate(page: Page, server: str):
    page.set_viewport_size({"width": 390, "height": 844})
    person.open_app(page, server)
    order = ["#generate", "#stage", "#settings"]
    tops = [page.locator(part).bounding_box() or {"y": -1} for part in order]
    assert 0 < tops[0]["y"] < tops[1]["y"] < tops[2]["y"]
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390
    for tab in ("Text to video", "Image to video", "Style edit"):
        expect(page.get_by_role("tab", name=tab)).to_be_visible()
    expect(page.locator("footer .divider")).to_be_hidden()  # there is nothing that it divides


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_frames": 18}, "num_frames: must be 4k+1"),
        ({"prompt": ""}, "prompt: must say what"),
        ({"width": 100}, "width: must be a multiple of 16"),
        ({"seed": 2**40}, "seed: must be a whole number"),
        ({"guidance_scale": 1e308}, "guidance_scale: must be"),
        ({"model": "wan-9"}, "model: must be the id of a model; got 'wan-9'. Nearest: wan-tiny"),
    ],
)
def test_programs_are_told_the_field_and_what_is_allowed(server: str, changes: dict, said: str):
    with pytest.raises(AppError, match=re.escape(said)):
        Client(server, verbose=False).predict(
            **{"prompt": "x", **changes}, api_name="/text_to_video"
        )


def test_strength_that_leaves_no_step_is_refused(server: str):
    with pytest.raises(AppError, match="leaves no step to run"):
        Client(server, verbose=False).predict(
            video=handle_file(catalog.EXAMPLE_MEDIA / "red-circle.mp4"),
            prompt="a blue circle",
            strength=0.05,
            num_inference_steps=12,
            api_name="/video_to_video",
        )


def _seed(chips: str) -> str:
    found = re.search(r"seed (\d+)", chips)
    assert found
    return found[1]
