"""What a run leaves behind: tables, audits, report, plots, store."""
