"""What a person does on the page and sees there, in a test's words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

FINISH_MS = 240_000
"""Generous: the machine may be busy with other work."""

IS_KEPT = """([name, value]) => {
  const kept = sessionStorage.getItem('wan_demo.form');
  return kept !== null && JSON.parse(kept)[name] === value;
}"""
"""JavaScript: whether a reload would find a control's value."""

Color = tuple[int, int, int]

_READ_FRAME = """
(video) => {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
}
"""


_TWO_FRAMES = "new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))"
"""JavaScript that waits until what has just been shown holds still.

In the frame after its first one Gradio writes into every control what it had at first, over
whatever came in between: too soon for a person, not for a test. A fold's controls may come late,
when their code has to be fetched.
"""


def open_app(page: Page, address: str, query: str = "") -> None:
    """Open the page and wait until it can be used."""
    page.goto(f"{address}/{query}")
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    expect(page.locator("#stage .stage")).to_be_visible()


def reload(page: Page, **kept: object) -> None:
    """Load the page again, not in the same instant in which so named values were changed."""
    for name, value in kept.items():
        page.wait_for_function(IS_KEPT, arg=[name, value])
    page.reload()


def go_to(page: Page, tab: str) -> None:
    """Choose a tab, and wait until the form has followed."""
    if page.get_by_role("tab", name=tab).get_attribute("aria-selected") == "true":
        return
    with page.expect_request(lambda request: f'"value":"{tab}"' in (request.post_data or "")) as it:
        page.get_by_role("tab", name=tab).click()
    answer = it.value.response()
    assert answer is not None
    answer.finished()
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    page.evaluate(_TWO_FRAMES)


def type_prompt(page: Page, text: str) -> None:
    """Write a prompt; the line above Generate follows."""
    page.get_by_label("Prompt", exact=True).fill(text)


def pick_example(page: Page, prompt: str) -> None:
    """Click an example, and see its prompt in the form: its picture or clip comes with it."""
    page.get_by_role("button", name=prompt).click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)


def type_number(page: Page, label: str, value: str) -> None:
    """Type a value into the number field of a slider, once it holds still."""
    field = page.get_by_label(f"number input for {label}")
    expect(field).to_be_visible()
    page.evaluate(_TWO_FRAMES)
    field.fill(value)
    field.press("Tab")


def unfold(page: Page, title: str) -> None:
    """Open what is folded away, and wait until it holds still."""
    page.get_by_role("button", name=title).click()
    page.evaluate(_TWO_FRAMES)


def plan(page: Page) -> Locator:
    """The line above Generate."""
    return page.locator("#plan")


def notes(page: Page) -> Locator:
    """What to know of what would run, below Generate."""
    return page.locator("#notes")


def generate(page: Page) -> None:
    """Click Generate."""
    button = page.get_by_role("button", name="Generate", exact=True)
    expect(button).to_be_enabled()
    button.click()


def stage(page: Page, state: str) -> Locator:
    """The stage once it is in a state: waiting, running, done, failed, stopped."""
    found = page.locator(f".stage[data-state='{state}']")
    expect(found).to_be_visible(timeout=FINISH_MS)
    return found


def finished_video(page: Page) -> Locator:
    """The player of the finished clip, with a frame to show."""
    video = stage(page, "done").locator("video").first
    page.wait_for_function(
        "() => document.querySelector('.stage video')?.readyState >= 2", timeout=FINISH_MS
    )
    return video


def pixels(video: Locator) -> list[Color]:
    """The frame that the player shows, pixel by pixel."""
    values: list[int] = video.evaluate(_READ_FRAME)
    return [(values[i], values[i + 1], values[i + 2]) for i in range(0, len(values), 4)]


def share_near(frame: list[Color], color: Color, reach: int = 60) -> float:
    """The share of pixels within ``reach`` of a color in every channel."""
    near = sum(max(abs(a - b) for a, b in zip(p, color, strict=True)) <= reach for p in frame)
    return near / len(frame)


def field_value(page: Page, elem_id: str) -> str:
    """What a slider's or number field's box holds."""
    return page.locator(f"#{elem_id} input[type=number]").input_value()
