"""``python -m agentex_usage_patch`` is the command ``agentex-usage-patch``."""

import sys

from .cli import main

sys.exit(main())
