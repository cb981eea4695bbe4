"""AGENTEX_USAGE_PATCH_DISABLED switches the patch off: the original stays."""

from __future__ import annotations

import pytest

from agentex_usage_patch import _upstream, apply_patch

from ..calls import AFFECTED, class_attribute
from ..clients import TOKENS
from .test_equation_3 import WITHOUT, counted

pytestmark = [pytest.mark.body, pytest.mark.companions]


def test_switched_off_patch_only_logs_its_summary(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = class_attribute()
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", "1")
    observed = apply_patch(strict=True)
    assert class_attribute() is original
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in observed.summary
    assert {fix.state for fix in observed.fixes} == {WITHOUT}
    assert [each.getMessage() for each in caplog.records] == [observed.summary]
    unset = "Unset AGENTEX_USAGE_PATCH_DISABLED to apply the patch."
    assert (observed.advice == unset) is AFFECTED


def test_switched_off_patch_still_advises_on_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", "1")
    broken = (_upstream.COMPANIONS[0], "2.45.0")
    monkeypatch.setattr(_upstream, "breaking_companions", lambda: [broken])
    assert apply_patch().advice == 'Run: pip install "openai==2.44.0"'


@pytest.mark.parametrize("value", ["", "0", "false", "False", "NO", "off", " no "])
async def test_false_values_leave_the_patch_on(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", value)
    assert apply_patch().complete
    assert await counted() == TOKENS


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", "please"])
def test_true_and_unknown_values_switch_the_patch_off(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = class_attribute()
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", value)
    observed = apply_patch()
    assert class_attribute() is original
    *warned, summary = [each.getMessage() for each in caplog.records]
    assert summary == observed.summary
    assert len(warned) == (value == "please")
    assert all(each.endswith("no or off: taken as 1") for each in warned)
