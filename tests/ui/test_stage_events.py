"""What a browser tells the stage that no page of ours would, and what comes late."""

from __future__ import annotations

import gradio as gr

from tests.ui.test_library import Visitor, ada, make
from wan_demo.ui.stage import render_lost

__all__ = ["ada", "make"]

HALF = "\ud800"
"""Half a character: JSON may hold it, and no answer can."""


def test_an_address_that_no_answer_can_hold_is_that_of_no_job(ada: Visitor):
    ada.values[ada.state.address] = HALF
    ada.does(ada.stage.load)
    assert ada.values[ada.state.job].encode()
    ada.does(ada.stage.now)
    assert ada.values[ada.at.stage] == render_lost()


def test_only_a_key_is_kept_beside_the_one_that_takes_its_place(ada: Visitor):
    mine, other = ada.links.sign_owner("ada"), ada.links.sign_owner("bob")
    for former, kept in ((mine, mine), (HALF, ""), ("", "")):
        ada.values[ada.at.key.shown] = former
        ada.values[ada.at.key.entered] = other
        ada.does(ada.stage.enter)
        assert ada.values[ada.at.key.shown] == other
        assert ada.values[ada.at.key.entered] == kept


def test_a_look_at_the_former_job_does_not_take_the_new_one_off_the_stage(ada: Visitor, make):
    ada.does(ada.stage.load)
    former, new = make(), make()
    ada.presses(ada.stage.show, job=former.id)
    late = dict(ada.values)
    ada.presses(ada.stage.show, job=new.id)
    assert ada.stage.poll(late, ada.request) == {ada.at.stage: gr.skip()}
    assert ada.at.stage in ada.stage.poll(ada.values, ada.request)


def test_another_one_of_a_waiting_job_leaves_the_looks_at_the_stage_alone(ada: Visitor, make):
    ada.does(ada.stage.load)
    shown = make()
    ada.presses(ada.stage.show, job=shown.id)
    ada.presses(ada.stage.double, job=shown.id)
    assert ada.at.stage in ada.stage.poll(ada.values, ada.request)
