"""Files: settings, reference data, campaign documents, journals, plans."""
