"""What to take out of files that stay: each file runs afterwards, and does all else as before."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from .fleet import PINS, WORKER, due, edited, lines, only, write
from .test_scan_code import CORRECTIONS

# Where a file uses a patch: what is told of it, and what is left of it.
EDITS = {
    "the import and the call": (
        """
        from corrections import install
        install()
        """,
        ["1 delete this import of an in-house patch", "2 delete this call of an in-house patch"],
        "",
    ),
    "an import that also names other things": (
        """
        from corrections import install, other
        install()
        other()
        """,
        ["1 take `install` out of this import: of an in-house patch",
         "2 delete this call of an in-house patch"],
        """
        from corrections import other
        other()
        """,
    ),
    "an import over lines": (
        """
        import json
        from corrections import (
            other,
            install as fix,
        )
        fix()
        """,
        ["2-5 take `install as fix` out of this import: of an in-house patch",
         "6 delete this call of an in-house patch"],
        """
        import json
        from corrections import (
            other,
        )
        """,
    ),
    "an import of which all names are patches": (
        """
        from corrections import install, install as again
        install()
        again()
        """,
        ["1 delete this import of an in-house patch", "2 delete this call of an in-house patch",
         "3 delete this call of an in-house patch"],
        "",
    ),
    "a block that holds nothing else": (
        """
        try:
            from corrections import install
            install()
        except ImportError:
            print("not patched")
        """,
        ["1-5 delete this `try`, to line 5: nothing in it but an in-house patch"],
        "",
    ),
    "a block in a block": (
        """
        import os
        if os.environ:
            with open("x"):
                from corrections import install
            install()
        """,
        ["2-5 delete this `if`, to line 5: nothing in it but an in-house patch"],
        "import os\n",
    ),
    "a block with something else": (
        """
        if True:
            from corrections import install
            install()
            x = 1
        """,
        ["2 delete this import of an in-house patch", "3 delete this call of an in-house patch"],
        """
        if True:
            x = 1
        """,
    ),
    "a block that something follows from": (
        """
        try:
            from corrections import install
            install()
        except ImportError:
            x = 1
        else:
            x = 2
        """,
        ["2 delete this import of an in-house patch and leave `pass`",
         "3 delete this call of an in-house patch"],
        """
        try:
            pass
        except ImportError:
            x = 1
        else:
            x = 2
        """,
    ),
    "other branches": (
        """
        from corrections import install
        if x:
            y = 1
        elif z:
            install()
        else:
            install()
        """,
        ["1 delete this import of an in-house patch",
         "5 delete this call of an in-house patch and leave `pass`",
         "7 delete this call of an in-house patch and leave `pass`"],
        """
        if x:
            y = 1
        elif z:
            pass
        else:
            pass
        """,
    ),
    "a handler": (
        """
        from corrections import install
        try:
            x = 1
        except ValueError:
            install()
        finally:
            install()
        """,
        ["1 delete this import of an in-house patch",
         "5 delete this call of an in-house patch and leave `pass`",
         "7 delete this call of an in-house patch and leave `pass`"],
        """
        try:
            x = 1
        except ValueError:
            pass
        finally:
            pass
        """,
    ),
    "the body of a class and of a method": (
        """
        import corrections
        class Start:
            corrections.install()
        class Other:
            def start(self):
                corrections.install()
        """,
        ["1 delete this import of an in-house patch",
         "3 delete this call of an in-house patch and leave `pass`",
         "6 delete this call of an in-house patch and leave `pass`"],
        """
        class Start:
            pass
        class Other:
            def start(self):
                pass
        """,
    ),
    "a function that does something else": (
        """
        def start(app):
            from corrections import install
            install()
            app.ready = True
        """,
        ["2 delete this import of an in-house patch", "3 delete this call of an in-house patch"],
        """
        def start(app):
            app.ready = True
        """,
    ),
    "a function that says what it did": (
        """
        def start():
            import corrections
            done = corrections.install()
            if done:
                return True
        start()
        """,
        ["1-5 delete this function, to line 5: it only calls an in-house patch",
         "6 delete this call of an in-house patch"],
        "",
    ),
    "a decorator": (
        """
        from corrections import install
        @install
        def main():
            x = 1
        @install()
        class Main:
            x = 1
        """,
        ["1 delete this import of an in-house patch",
         "2 delete this decorator of an in-house patch",
         "5 delete this decorator of an in-house patch"],
        """
        def main():
            x = 1
        class Main:
            x = 1
        """,
    ),
    "a function that is awaited": (
        """
        import corrections
        async def main():
            await corrections.install()
            await serve()
        """,
        ["1 delete this import of an in-house patch", "3 delete this call of an in-house patch"],
        """
        async def main():
            await serve()
        """,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_what_uses_a_patch_is_taken_out_and_nothing_else(
    case: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, left = EDITS[case]
    write(agent, {"requirements.txt": PINS, "corrections.py": CORRECTIONS,
                  "start.py": dedent(code).strip() + "\n"})  # fmt: skip
    actions = [each for each in due(only(capsys)) if each["file"] == "start.py"]
    assert lines(actions) == said[::-1]
    assert edited(agent / "start.py", actions) == dedent(left).lstrip()
    (agent / "run_worker.py").write_text("from agentex_usage_patch import apply_patch\n"
                                         f"apply_patch()\n{WORKER}")  # fmt: skip
    for each in due(only(capsys)):
        assert each["file"] == "corrections.py"


# What is more than to delete lines: a person has to look.
LOOKED_AT = {
    "ok = corrections.install() and other()": "call",
    "if corrections.install():\n    x = 1": "call",
    "register(corrections.install)": "use",
    "fix = corrections.install": "use",
    "def f(x=corrections.install): ...": "use",
    "@register(corrections.install)\ndef f(): ...": "use",
}


@pytest.mark.parametrize("code", LOOKED_AT)
def test_a_statement_that_does_more_is_said_to(
    code: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": PINS, "corrections.py": CORRECTIONS,
                  "start.py": f"import corrections\n\n{code}\n"})  # fmt: skip
    told = [each for each in due(only(capsys)) if each["line"] == 3]
    assert lines(told) == [(f"3 take this {LOOKED_AT[code]} of an in-house patch out of its "
                           "statement, which does more")]  # fmt: skip
