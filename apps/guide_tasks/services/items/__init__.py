"""Work without named customers: quotas, photos, group tasks, free text, moments."""
