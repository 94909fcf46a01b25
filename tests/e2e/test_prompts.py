"""Prompts on the page, over the fake engine."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import person
from wan_demo import catalog

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)


def test_a_chinese_prompt_with_a_weight_is_counted_made_and_comes_back(page: Page, server: str):
    prompt = "（红色：1.2）的圆形向右移动"
    person.open_app(page, server)
    person.type_prompt(page, prompt)
    expect(person.plan(page)).to_contain_text(re.compile(r"prompt \d+ of 64 tokens"))
    person.generate(page)
    made = person.stage(page, "done")
    expect(made.locator(".said")).to_have_text(prompt)
    person.type_prompt(page, "a blue star")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)


def test_what_is_cut_of_a_prompt_and_a_weight_that_is_none_are_told(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, "a circle " * 40)
    expect(person.notes(page)).to_contain_text("This is cut: “circle a circle")
    person.type_prompt(page, "a (fox:3)")
    expect(person.plan(page)).to_contain_text("as in (neon sign:1.3)")


def test_the_negative_prompt_of_the_models_makers_shows_in_the_empty_field(page: Page, server: str):
    person.open_app(page, server)
    page.get_by_label("Model").click()
    page.get_by_role("option", name=re.compile("Wan2.1 T2V 1.3B")).click()
    expect(page.locator("#model")).to_contain_text("Width → 832")
    page.get_by_role("button", name="More").click()
    negative = page.locator("#negative_prompt textarea")
    official = catalog.find("wan2.1-t2v-1.3b").defaults.negative_prompt
    expect(negative).to_have_value(official)
    negative.fill("")
    expect(negative).to_have_attribute("placeholder", official)
