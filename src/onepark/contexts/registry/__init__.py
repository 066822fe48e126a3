"""The city's archive of operators, lots, lanes and devices."""
