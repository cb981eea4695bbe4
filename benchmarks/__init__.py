"""What the patch costs, measured: ``tox run -m benchmark`` writes docs/cost.md."""
