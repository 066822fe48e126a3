"""OnePark (停车一张网): the parking platform of a whole city."""

__version__ = "0.1.0"
