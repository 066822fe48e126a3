"""Workdays, weekends and holidays, as published and as the city rules."""
