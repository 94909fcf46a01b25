"""The page in Chinese for a browser that speaks it, and in English for any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import person

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

ENGLISH = """() => {
  const found = [];
  const isRead = (each) => each.checkVisibility() && !each.closest('[translate=no], script, style');
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (isRead(parentElement) && /[a-z]{3,} [a-z]{2,}/.test(data)) found.push(data.trim());
  }
  for (const each of document.querySelectorAll('.stage *, #plan *, .shelf *, .opened *')) {
    const label = each.getAttribute('aria-label') ?? '';
    if (isRead(each) && /^[A-Z][a-z]+/.test(label)) found.push(label);
  }
  return found;
}"""
"""Texts in sight that are English still: two words in a row, and labels that begin with one."""

Open = Callable[..., Page]


@pytest.fixture
def open_in(browser: Browser, server: str) -> Iterator[Open]:
    """Opens the page in a browser of a language."""
    opened: list[BrowserContext] = []

    def open_one(language: str, width: int = 1280) -> Page:
        size = {"width": width, "height": 900}
        context = browser.new_context(locale=language, viewport=size)  # pyright: ignore[reportArgumentType]
        opened.append(context)
        page = context.new_page()
        page.goto(server)
        expect(page.locator("#generate")).to_be_enabled()
        expect(page.locator("#plan .plan")).to_be_visible()
        return page

    yield open_one
    for context in opened:
        context.close()


def is_chinese(page: Page) -> None:
    """Nothing in sight is English, or wider than the window."""
    left = [text for text in page.evaluate(ENGLISH) if "flow shift" not in text]
    assert left == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_clip_is_made_refused_and_found_in_chinese(open_in: Open, width: int, gray: Path):
    page = open_in("zh-CN", width)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("button", name="生成", exact=True)).to_be_visible()
    page.get_by_label("提示词", exact=True).fill("a red circle")
    is_chinese(page)
    frames = page.locator("#num_frames input[type=number]")
    frames.fill("18")
    frames.press("Tab")
    expect(person.plan(page).get_by_role("alert")).to_have_text(
        re.compile("帧数 对 wan-tiny，必须是 9 到 33 之间的 4k[+]1；收到的是 18。改用 17改用 21")
    )
    is_chinese(page)
    page.get_by_role("button", name="改用 17").click()
    expect(person.plan(page)).to_contain_text("将生成 96×96，17 帧，2.1 秒，8 fps，12 步，引导")
    page.locator("#more > .label-wrap").click()
    for part in ("宽度，数字输入", "宽度，滑块", "重置宽度"):
        expect(page.get_by_label(part, exact=True)).to_be_visible()
    page.locator("#generate").click()
    expect(person.stage(page, "running").locator(".line")).to_contain_text(re.compile("第 .* 步"))
    is_chinese(page)
    person.finished_video(page)
    expect(page.locator(".stage .line")).to_contain_text("完成，耗时")
    expect(page).to_have_title("完成 · Wan Demo")
    is_chinese(page)
    page.get_by_role("tab", name="作品库").click()
    expect(page.locator("#library .count")).to_have_text("1 个视频")
    is_chinese(page)
    page.get_by_role("button", name="打开：a red circle").click()
    expect(page.locator("#clip .said")).to_have_text("a red circle")
    is_chinese(page)
    page.get_by_role("button", name="删除", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("已删除 1 个视频。")
    page.get_by_role("tab", name="风格编辑").click()
    page.locator("#video input[type=file]").set_input_files(gray)
    expect(page.locator(".timeline .told")).to_have_text("1.1 秒，9 帧，8 fps")
    page.get_by_role("slider", name="终点").press("ArrowLeft")
    expect(page.locator(".timeline .told")).to_have_text("1.1 秒，9 帧，8 fps")
    page.locator("#part > .label-wrap").click()
    expect(page.get_by_label("在此绘制遮罩")).to_be_visible()
    is_chinese(page)


@pytest.mark.parametrize("language", ["fr-FR", "zh-SG"])
def test_any_other_language_gets_english(open_in: Open, language: str):
    page = open_in(language)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
    expect(person.plan(page)).to_contain_text("Will run")
    expect(page.locator("#generate")).to_have_text("Generate")


@pytest.mark.parametrize("language", ["zh-TW"])
def test_who_reads_it_gets_chinese_from_browser_and_server_alike(open_in: Open, language: str):
    page = open_in(language)
    expect(page.get_by_label("提示词", exact=True)).to_be_visible()
    expect(person.plan(page)).to_contain_text("将生成")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
