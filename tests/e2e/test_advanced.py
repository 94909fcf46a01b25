"""What may be left to the model, chosen on the page: scheduler, flow shift, LoRAs."""

from __future__ import annotations

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from tests.e2e import person
from tests.e2e.conftest import running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    loras = folder / "data" / "loras"
    loras.mkdir(parents=True)
    for name in ("ink", "fur_high", "fur_low"):
        (loras / f"{name}.safetensors").write_bytes(b"")
    with running_server(folder, "--engine", "fake") as address:
        yield address


def open_advanced(page: Page, server: str) -> None:
    person.open_app(page, server)
    person.unfold(page, "Advanced")


def choose(page: Page, label: str, choice: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=choice).click()
    expect(page.get_by_role("option")).to_have_count(0)  # the list fades away


def test_a_scheduler_and_a_flow_shift_are_chosen_and_kept(page: Page, server: str):
    open_advanced(page, server)
    choose(page, "Scheduler", "euler")
    page.get_by_label("Flow shift").fill("7.5")
    page.get_by_label("Flow shift").press("Tab")
    expect(person.plan(page)).to_contain_text("euler, shift 7.5")
    page.reload()
    expect(person.plan(page)).to_contain_text("euler, shift 7.5")
    person.generate(page)
    person.finished_video(page)
    expect(page.locator(".stage .chips")).to_contain_text("euler")


def test_loras_are_picked_weighted_and_used_again(page: Page, server: str):
    open_advanced(page, server)
    box = page.locator("#loras textarea")
    for choice in ("ink.safetensors", "fur_high.safetensors"):
        choose(page, "Add a LoRA", choice)
        expect(box).to_have_value(f"{choice}:1" if choice[0] == "i" else _BOTH)
    expect(page.get_by_role("option", name="fur_low")).to_have_count(0)
    box.fill("ink.safetensors:0.5")
    expect(person.plan(page)).to_contain_text("LoRA ink 0.5")
    person.generate(page)
    person.finished_video(page)
    box.fill("")
    expect(person.plan(page)).not_to_contain_text("LoRA")
    page.get_by_role("button", name="Use these settings").click()
    expect(box).to_have_value("ink.safetensors:0.5")


def test_a_pinned_way_of_memory_outlives_reload_preset_and_reuse(page: Page, server: str):
    open_advanced(page, server)
    choose(page, "Memory", "Model offload")
    choose(page, "Precision", "fp32")
    expect(person.plan(page)).to_contain_text("model offload, fp32")
    page.get_by_label("Draft").check()
    expect(person.plan(page)).to_contain_text("8 steps")
    page.reload()
    expect(person.plan(page)).to_contain_text("model offload, fp32")
    person.generate(page)
    person.finished_video(page)
    person.unfold(page, "Advanced")
    for label, before in (("Memory", "offload"), ("Precision", "fp32")):
        choose(page, label, "Automatic")
        expect(person.plan(page)).not_to_contain_text(before)
    page.get_by_role("button", name="Use these settings").click()
    expect(person.plan(page)).to_contain_text("8 steps, guidance 4, model offload, fp32")


def test_a_refusal_is_seen_beside_what_it_is_about(page: Page, server: str):
    open_advanced(page, server)
    page.locator("#loras textarea").scroll_into_view_if_needed()
    expect(page.locator("#generate")).not_to_be_in_viewport()
    page.locator("#loras textarea").fill("nowhere")
    expect(person.plan(page).get_by_role("alert")).to_be_in_viewport(ratio=1)


_BOTH = "ink.safetensors:1\nfur_high.safetensors:1"


def test_a_path_is_refused_on_the_page(page: Page, server: str):
    open_advanced(page, server)
    page.locator("#loras textarea").fill("../../etc/passwd")
    expect(person.plan(page)).to_contain_text("a path is not taken")


@pytest.mark.parametrize("lora", ["/etc/passwd", "../jobs.sqlite3", "ink.pt", "none"])
def test_the_endpoint_takes_names_only(server: str, lora: str):
    client = Client(server, verbose=False)
    with pytest.raises(AppError, match="loras: "):
        client.predict(prompt="a star", loras=lora, api_name="/text_to_video")


def test_the_endpoint_says_what_was_used(server: str):
    client = Client(server, verbose=False)
    _, used = client.predict(
        prompt="a star", scheduler="dpm++", loras="ink:0.5", api_name="/text_to_video"
    )
    assert used["scheduler"] == "dpm++"
    assert used["loras"] == [{"name": "ink.safetensors", "weight": 0.5, "expert": None}]
