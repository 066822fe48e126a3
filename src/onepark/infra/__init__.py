"""Tools for I/O; knows no parking word."""
