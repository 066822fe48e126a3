"""Staff accounts, permissions and the audit trail."""
