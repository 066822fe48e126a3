"""Invoices for what was paid: who asks for one, who issues it, and how it is taken back."""
