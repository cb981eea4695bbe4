"""Every distinct model among the affected releases is tested by a tox environment.

These tests read wheels of agentex-sdk, and run without it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentex_usage_patch import _upstream

from . import sweep
from .releases import REPRESENTATIVES

TOX_INI = Path(__file__).resolve().parents[2] / "tox.ini"

AFFECTED_RELEASES = 33
DIFFERENT_BODIES = 8

MODEL = '''
class TemporalStreamingModel:
    """A model."""
    def _prepare(self):
        return 1
    async def get_response(self):
        """Respond."""
        return self._prepare()
'''

TOX = """
[tox]
env_list = lint, py312-sdk{0.5.3,0.6.2}, py313-sdk0.6.3
[testenv]
deps =
    py3{12,13}-sdk0.5.3: agentex-sdk==0.5.3
    py312-sdk0.6.2: agentex-sdk==0.6.2
    py312-sdk0.6.3: agentex-sdk==0.6.3
    sdk0.6.4: agentex-sdk==0.6.4
"""


@pytest.fixture(scope="module")
def releases() -> list[str]:
    return sweep.published_releases()


@pytest.fixture(scope="module")
def affected(releases: list[str]) -> list[str]:
    return [each for each in releases if _upstream.within(each, _upstream.AFFECTED)]


def test_each_model_of_an_affected_release_has_a_tox_environment(
    affected: list[str], record_property: Callable[[str, object], None]
) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        sources = dict(zip(affected, pool.map(_model_source, affected), strict=True))
    groups = sweep.same_bodies(sources)
    tested = sweep.tested_releases(TOX_INI.read_text(encoding="utf-8"))
    for number, group in enumerate(groups, 1):
        by = ", ".join(each for each in group if each in tested) or "none"
        record_property(f"body {number}", f"{' '.join(group)} (tested: {by})")
    assert sweep.uncovered(groups, tested) == ""
    assert (len(affected), len(groups)) == (AFFECTED_RELEASES, DIFFERENT_BODIES)


def test_each_set_of_requirements_has_one_representative_release(
    affected: list[str],
) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        demands = dict(zip(affected, pool.map(sweep.requirements, affected), strict=True))
    sets: dict[frozenset[str], list[str]] = {}
    for release, requirements in demands.items():
        sets.setdefault(requirements, []).append(release)
    tried = [[each for each in group if each in REPRESENTATIVES] for group in sets.values()]
    assert tried == [[each] for each in REPRESENTATIVES], list(sets.values())


def test_affected_range_begins_with_the_model_and_ends_before_the_fix(
    releases: list[str], affected: list[str]
) -> None:
    before = releases[releases.index(affected[0]) - 1]
    after = releases[releases.index(affected[-1]) + 1]
    assert sweep.read_from_wheel(before, sweep.MODEL_FILE) is None
    assert after == _upstream.FIXED_IN


def test_untested_body_is_reported_with_the_lines_to_add() -> None:
    changed = MODEL.replace("return 1", "return 2")
    groups = sweep.same_bodies({"0.5.1": MODEL, "0.5.3": MODEL, "0.6.2": changed})
    assert groups == [["0.5.1", "0.5.3"], ["0.6.2"]]
    assert sweep.uncovered(groups, {"0.5.3", "0.6.2"}) == ""
    assert sweep.uncovered(groups, {"0.5.3"}) == (
        "No environment of tox.ini installs the model of agentex-sdk 0.6.2: add one, for "
        "instance sdk0.6.2, to env_list and 'sdk0.6.2: agentex-sdk==0.6.2' to deps."
    )


def test_comments_and_docstrings_do_not_change_a_body() -> None:
    rewritten = MODEL.replace("Respond.", "Answer.").replace("return 1", "return (1)  # one")
    assert sweep.model_body(rewritten) == sweep.model_body(MODEL)
    with pytest.raises(ValueError, match="no class TemporalStreamingModel"):
        sweep.model_body("class AnotherModel: ...")


def test_release_is_tested_if_an_environment_in_env_list_installs_it() -> None:
    assert sweep.tested_releases(TOX) == {"0.5.3", "0.6.2"}


def test_error_of_a_failing_pip_contains_its_output() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)failed:.*agentex-sdk==0\.0\.0"):
        sweep.wheel("0.0.0")


def _model_source(release: str) -> str:
    source = sweep.read_from_wheel(release, sweep.MODEL_FILE)
    assert source is not None, f"{release} is in the affected range and has no model"
    return source
