from __future__ import annotations

import pytest

from tests.bad_values import BAD_VALUES, BadValue
from wan_demo import catalog
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest


@pytest.mark.parametrize("bad", [pytest.param(one, id=one.tries) for one in BAD_VALUES])
def test_a_bad_value_is_refused_by_its_field_in_one_line(bad: BadValue):
    with pytest.raises(InvalidRequest) as caught:
        complete(bad.given, catalog.BUNDLED)
    said = str(caught.value)
    assert caught.value.field == bad.field
    assert caught.value.status == 422
    assert said.isprintable()
    assert "; got " in said


def test_a_model_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidRequest, match=r"^model: .*wan-tiny"):
        catalog.find("sora")
