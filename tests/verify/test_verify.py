"""``verify``: the installed agentex-sdk over real HTTP, without and with the patch."""

from __future__ import annotations

import json

import pytest

from agentex_usage_patch import _upstream, cli

pytestmark = pytest.mark.processes

AFFECTED = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)


def test_verify_is_right_with_the_patch_and_wrong_without_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["verify", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    assert report["right"] and report["problems"] == []
    assert report["worker"] == {"built": True, "problem": ""}
    assert [row["turn"] for row in report["rows"]] == [1] * 6 + [2] * 5
    assert {row["right_patched"] for row in report["rows"]} == {True}
    assert {row["wrong_unpatched"] for row in report["rows"]} == {AFFECTED}
    chained = {row["asked"]: row["patched"] for row in report["rows"] if row["turn"] == 2}
    first = {row["asked"]: row["patched"] for row in report["rows"] if row["turn"] == 1}
    assert chained["previous_response_id"] == first["response_id"]
    assert chained["cached input tokens"] == [1024]
    assert ("remove this package" in report["summary"]) is not AFFECTED
