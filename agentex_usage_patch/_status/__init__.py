"""The command ``status``: apply the patch here, build a worker, and report."""
