"""The line above Generate."""

from tests.makers import request
from wan_demo import catalog
from wan_demo.domain.request import Task
from wan_demo.domain.tokens import Tokens
from wan_demo.engine.memory import decide, plenty
from wan_demo.errors import DoesNotFit, InvalidRequest
from wan_demo.service import Plan
from wan_demo.ui import notices


def test_a_plan_says_what_runs_and_how_long():
    plan = Plan(request(), catalog.BUNDLED, [], 75)
    html = notices.render_plan(plan)
    assert "64×64, 9 frames" in html
    assert "about 1 min 15 s" in html
    assert "data-seconds='75'" in html


def test_notes_are_apart_from_the_line_so_that_generate_stays_in_its_place():
    plan = Plan(request(), catalog.BUNDLED, ["A <note>."], 75)
    assert "A &lt;note&gt;." in notices.render_notes(plan)
    assert "note" not in notices.render_plan(plan)


def test_there_are_no_notes_on_what_can_not_run():
    refused = Plan(request(), catalog.BUNDLED, ["A note."], 75, refusal=DoesNotFit("No room."))
    assert notices.render_notes(refused) == notices.render_notes(None) == ""


def test_a_plan_says_how_much_of_what_the_model_reads_the_prompt_takes():
    plan = Plan(request(), catalog.BUNDLED, [], None, tokens=Tokens(9, 64))
    assert "prompt 9 of 64 tokens" in notices.render_plan(plan)


def test_a_refusal_has_a_button_for_each_value_that_works():
    html = notices.render_refusal(InvalidRequest("num_frames", 18, "must be 4k+1", (17, 21)))
    assert "<b>Frames</b> must be 4k+1; got 18." in html
    assert "data-field='num_frames' data-value='17'>Use 17<" in html
    assert "data-value='21'" in html


def test_a_refused_task_is_named_by_its_tab():
    error = InvalidRequest("task", "image_to_video", "can do x", [Task.TEXT_TO_VIDEO])
    assert "data-value='text_to_video'>Use Text to video<" in notices.render_refusal(error)


def test_what_came_is_never_markup():
    html = notices.render_refusal(InvalidRequest("<i>", "x", "must be <b>y</b>"))
    assert "<i>" not in html
    assert "<b>y" not in html


def test_the_button_says_what_is_downloaded_first():
    here = Plan(request(), catalog.BUNDLED, [], 75)
    assert notices.generate_label(here) == notices.generate_label(None) == "Generate"
    gone = Plan(request(), catalog.find("wan2.1-t2v-1.3b"), [], None, download_bytes=29_050_000_000)
    assert notices.generate_label(gone) == "Download 29.1 GB and generate"


def test_a_model_that_does_not_fit_is_said_instead_of_what_would_run():
    refusal = DoesNotFit("It needs <more>.")
    html = notices.render_plan(Plan(request(), catalog.BUNDLED, [], 75, refusal=refusal))
    assert "It needs &lt;more&gt;." in html
    assert "role='alert'" in html
    assert "Will run" not in html


def test_how_a_model_is_kept_is_told_where_it_is_news():
    def told(model: str, **pinned: str) -> bool:
        spec = catalog.find(model)
        decision = decide(spec, plenty("cpu"), 64, 64, 9)
        plan = Plan(request(model=model, **pinned), spec, [], None, memory=decision)
        return decision.sentence in notices.render_notes(plan)

    assert told("wan2.1-t2v-1.3b")
    assert not told("wan-tiny")
    assert told("wan-tiny", profile="resident")
