"""Who issues invoices: one module a provider."""
