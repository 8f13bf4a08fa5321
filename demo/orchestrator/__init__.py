"""The application's own workflows, on its own Temporal namespace: what `runbook.md` calls the Temporal UI."""
