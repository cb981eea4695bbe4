"""Make a project from the Temporal template of the installed agentex-sdk, as ``agentex init`` does.

``python render_template.py FOLDER NAME`` makes FOLDER/NAME. It runs in the SDK's environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agentex.lib.cli.commands.init import (
    TemplateType,
    create_project_structure,
    get_project_context,
)


def main(folder: Path, name: str) -> None:
    """Give the answers for which ``agentex init`` prompts the user."""
    answers = {
        "agent_name": name,
        "agent_directory_name": name,
        "description": "An Agentex agent",
        "project_path": str(folder),
    }
    template = TemplateType.TEMPORAL_OPENAI_AGENTS
    context = get_project_context(answers, folder, Path("../../"))
    create_project_structure(folder, context, template, use_uv=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
