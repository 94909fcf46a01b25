"""The page in other languages: how a text is found, and that none is missing."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr
import pytest

from tests.ui import texts
from wan_demo import catalog
from wan_demo.catalog import templates
from wan_demo.domain.control import control
from wan_demo.domain.edit import Guide
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.memory import words as memory_words
from wan_demo.service import Service
from wan_demo.ui import advanced, edit, words
from wan_demo.ui import form as f
from wan_demo.ui.language import Language, languages, spoken
from wan_demo.ui.layout import build_layout
from wan_demo.ui.models import choices
from wan_demo.ui.stage import STAGE_WORDS
from wan_demo.ui.translated import in_language, mark

TOLD = {
    "Step {#} of {#}": "{1} steps, at {0}",
    "{} left": "still {}",
    "{#} s": "{} seconds",
    "must be at most {#} for {}": "for {1}: {0} at most",
    "{}; got {}.": "{}, not {}!",
    "It is late.": "Late it is!",
    "{} waits": "{} is waiting",
    "the job": "a job",
    "small": "tiny",
}

PARTS = (
    """
'|1 job|7 jobs|7 bytes|7 minutes|7 pictures|7 in the queue7|7 after encoding|7 needs 7 at 7
7 7, where 7 are free|7 It fits at 7.|7 No other model fits either.|Mac's GPU|an 7|an MP4
must be 7 7 that opens; this one is broken or not one
and 7 more|and your machine 7 of RAM|everything stays 7|guided by its 7|in memory|of RAM|of disk
of memory|on the GPU|its parts take turns 7|the CPU|the GPU|must be 7 from 7 to 7
its parts take turns 7, the text encoder layer by layer|the encoders leave|the text encoder leaves
your 7 has 7 of memory free
16 bits, for cards without bf16|16 bits, what Wan is run in|32 bits, twice the memory
8 bits in the arithmetic too, by torchao|8 bits, by torchao|8 bits, widened to compute
as the model's GGUF file has it|blocks stream in from RAM|one part on the device at a time
each part read from the disk for its stage|everything on the device|the encoders wait in RAM
layer by layer from RAM, slow|layer by layer from the disk, slowest|the same with half the RAM
the same, the text encoder layer by layer
""".strip()
    .replace("\n", "|")
    .split("|")
)
"""Put into longer texts before these are looked up: the tests of those texts have them."""

UNSEEN = (
    """
it belongs to somebody else|uploads have no place: %s
the table could not be asked which jobs have ended|the bundled small model|Upload the file first.
Invalid credentials|Bearer 7|Segoe UI|%s %s (%r), try %d|the same scene
There is no such endpoint.|is not a parameter of this endpoint|Parameter `(.*)` is not
Make a video from a prompt.|Make a video that starts from an image.|Restyle a video.
has sound of the codec 7, which is not read
""".strip()
    .replace("\n", "|")
    .split("|")
)
"""For logs, terminals and programs alone."""

NAMES = {"Wan Demo", "Flow shift", "LoRA 7", "shift 7", "the model's own"}

CODE = ("=>", "='", "' role=", "data-", "\n", "watch(", "?.", "wanDemo.")


_PLACES = ("in memory", "on the GPU")
_KINDS = ("of memory", "on the GPU", "of RAM", "of disk")
_WAYS = [way for way in memory_words._PROFILES.values() if "{place}" in way]


class Noting(Language):
    """Notes which keys were of use."""

    def __init__(self, told: Language) -> None:
        self.used: set[str] = set()
        super().__init__(told.tags, ("，", "。"), told.texts)

    def _used(self, key: str) -> str:
        self.used.add(key)
        return super()._used(key)


@pytest.fixture
def told() -> Language:
    return Language(["xx"], (" / ", "!"), TOLD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("small", "tiny"),
        ("Small.", "Small."),
        ("small.", "tiny!"),
        ("Step 3 of 12, 4 s left", "12 steps, at 3 / still 4 seconds"),
        ("Step three of 12", "Step three of 12"),
        ("must be at most 7 for a, b; got 8.", "for a, b: 7 at most, not 8!"),
        ("It is late. Nothing else.", "Late it is!Nothing else."),
        ("Nothing else. It is late.", "Nothing else. Late it is!"),
        ("the job waits", "a job is waiting"),
        ("small, 4 s left.", "tiny / still 4 seconds!"),
        ("{0} waits", "{0} is waiting"),
        ("x" * 3000 + " waits", "x" * 3000 + " waits"),
    ],
)
def test_a_text_is_found_whole_with_gaps_or_in_parts(told: Language, text: str, said: str):
    assert told.say(text) == said


def test_what_people_wrote_and_names_of_fields_stay(told: Language):
    html = (
        "<p class='a' title='small'>small <b>the job</b></p>"
        "<p translate='no' title='small'>small <p>small</p> small</p><i data-field='small'>4 s</i>"
    )
    assert in_language(html, told) == (
        "<p class='a' title='tiny'>tiny <b>a job</b></p>"
        "<p translate='no' title='small'>small <p>small</p> small</p>"
        "<i data-field='small'>4 seconds</i>"
    )


def test_what_is_put_in_stays_text(told: Language):
    assert in_language("<p>&lt;b&gt; waits</p>", told) == "<p>&lt;b&gt; is waiting</p>"


@pytest.mark.parametrize(
    ("asked", "tag"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh", None),
        ("zh-tw", "zh-CN"),
        ("en-US,zh;q=0.9", None),
        ("fr", None),
        ("", None),
    ],
)
def test_the_language_is_the_one_that_a_browser_asks_for_first(asked: str, tag: str | None):
    found = spoken(asked)
    assert (found and found.tags[0]) == tag


@pytest.fixture(scope="module", params=languages())
def language(request: pytest.FixtureRequest) -> Noting:
    return Noting(languages()[request.param])


def test_every_sentence_that_the_page_may_say_has_a_translation(language: Noting):
    excepted = {*PARTS, *UNSEEN, *NAMES}
    missing = {
        text
        for text in texts.sentences() - excepted
        if language.say(text) == text and not any(mark in text for mark in CODE)
    }
    assert missing == set()


def test_every_label_hint_and_choice_has_a_translation(language: Noting, service: Service):
    missing = {text for text in _of_components(service) if language.say(text) == text}
    assert missing - KEPT == set()


def test_no_models_presets_or_summary_are_said_by_half(language: Noting):
    lines = [line for spec in catalog.MODELS for line in (spec.summary, f.preset_hints(spec))]
    fitted = [" ".join([line, "To fit it: Width → 832, Guidance → 5."]) for line in lines]
    said = {line: language.say(line) for line in (*lines, *fitted)}
    assert {line for line, text in said.items() if set(LOWER.findall(text)) - {"fps"}} == set()


LOWER = re.compile(r"\b[a-z]{3,}\b")

# Names, numbers, and labels that nobody sees.
KEPT = {
    *(
        "bf16",
        "dpm++",
        "euler",
        "unipc",
        "480p",
        "720p",
        "small",
        "Flow shift",
        "LoRA",
        "1",
        "VACE",
    ),
    *("1:1", "16:9", "9:16", "4:3", "3:4", "trim_start", "trim_end", "Wan Demo"),
    *("3", "5", "12", "16", "Lightning"),
}


def _of_components(service: Service) -> set[str]:
    """What components show, of every model."""
    found: set[str] = set()
    for spec in catalog.MODELS:
        with gr.Blocks() as page:
            build_layout(service, spec, "there is no GPU", words.promise("CPU"))
        for block in page.blocks.values():
            held: dict[str, Any] = vars(block)
            found |= {held.get(name) or "" for name in ("label", "info", "placeholder")}
            found |= {str(name) for name, _ in held.get("choices") or ()}
            found |= {str(block.value)} if isinstance(block, gr.Button) else set()
        found |= {name for task in spec.tasks for name, _ in choices(service, task)}
        found |= {info for info in (f.preset_hints(spec), edit.methods(spec)["info"]) if info}
    found |= {each.name for spec in catalog.MODELS for each in templates.of(spec)}
    found -= {spec.defaults.negative_prompt for spec in catalog.MODELS}
    return found - {""}


def test_no_translation_is_dead(language: Noting, service: Service):
    for text in (*texts.everything(), *_of_components(service), *MADE):
        language.say(text)
    assert set(language.texts) - language.used == set()


WAY = "everything stays in memory"
MADE = (
    *(f"{words.ordinal(count)} in the queue" for count in (1, 2, 3, 4)),
    *("1 job in the queue", "2 jobs in the queue", "Download 2", "guidance 3 / 4"),
    *(f"{action}: a cat" for action in ("Sooner", "Later", "Duplicate", "Cancel", "Pin", "Unpin")),
    *(control(name).allowed for name in GenerationRequest.model_fields),
    *(f"guided by its {guide}" for guide in Guide),
    *(title.lower() for title in words.METHOD_TITLES.values()),
    *(f"Video 1 of 2: {text[0].lower()}{text[1:]}" for text in STAGE_WORDS.values()),
    *("Downloading the model: 1.2 of 2.4 GB", "Video 1 of 2: downloading the model: 1 of 2 GB"),
    *("Downloading the model: 25%", "Making your video: 50%", words.USED),
    "Beyond that the oldest go first, whoever made them; pinned ones stay, up to 50% of it.",
    "Wan Tiny has only seen plain shapes, so your video will come out soft.",
    "wan could not be downloaded: hub broke off.",
    "must be a PNG, JPEG, WebP, GIF, BMP or TIFF image that opens; this one is broken or not one",
    "must be an MP4, MOV, WebM, MKV, AVI, MPEG or WMV video that opens; this one is broken or not "
    "one",
    "must be a file of the data folder's loras/; there are a, b and 3 more",
    f"Wan in bf16 needs 3 GB at 96x96x9 and your 24 GB card has 20 GB free: {WAY}.",
    "Wan in bf16 needs 9 GB at 1x1x9; your machine has 2 GB of memory free, so "
    "the text encoder leaves after encoding (2 GB).",
    "Wan in bf16 needs 9 GB at 1x1x9; your Mac's GPU has 2 GB of memory free and your machine 3 GB "
    "of RAM, so the encoders leave after encoding (2 GB).",
    *(
        f"Out of memory: again with x (2 GB): {way.format(place=place)}."
        for way in _WAYS
        for place in _PLACES
    ),
    *(f"Wan does not fit at 1x1x9: it needs 9 GB {kind}, where 2 GB are free." for kind in _KINDS),
    "It fits at 1x1x5.",
    "No other model fits either.",
)
"""Texts that are put together of parts, as they come out."""


def test_gaps_and_what_fills_them_agree(language: Noting):
    for key in language.texts:
        count = key.count("{}") + key.count("{#}")
        said = language.texts[key].format(*(f"<{at}>" for at in range(count)))
        assert [at for at in range(count) if f"<{at}>" not in said] == [], key


def test_a_pages_texts_are_marked_and_their_translations_lie_in_it(service: Service):
    with gr.Blocks() as page:
        at = build_layout(service, catalog.BUNDLED, "there is no GPU", "")
    i18n = mark(page)
    assert "__i18n__" in str(at.form.prompt.label)
    assert i18n.translations["zh"]["Prompt"] == "提示词"
    assert [value for _, value in at.preset.choices] == ["Draft", "Balanced", "Quality"]


def test_the_words_of_memory_are_translated_as_they_come_out(language: Noting):
    said = [advanced.word_title(word) for word in advanced.MEANINGS]
    assert [text for text in said if language.say(text) == text] == []


@pytest.mark.parametrize(
    "text",
    [": " * 300, "A cat. " * 80, "a, " * 190, " → " * 70, "(" * 599, "x" * 599, "; got " * 99],
)
def test_a_strangers_text_is_given_up_soon(text: str, monkeypatch: pytest.MonkeyPatch):
    """A prompt is a part of what a button is called: who writes it must not stop the server."""
    for language in languages().values():
        looks = []
        monkeypatch.setattr(language, "_whole", lambda text, looks=looks: looks.append(text))
        language.say.cache_clear()
        language.say(text)
        language.say.cache_clear()
        assert len(looks) < 1000


def test_what_is_longer_than_any_text_of_ours_stays():
    (language,) = languages().values()
    text = "Queue empty. " * 60
    assert language.say(text) == text
