"""The evening of a mall: four to ten, full at six.

The hours are those by which the simulated city parks.
"""

from loadtests.common.curve import of_hours
from loadtests.common.shape import Curve
from onepark.simulator.city.profile import PROFILES, Kind


class MallEvening(Curve):
    """Arrivals by hour, squeezed into the minutes of the run."""

    curve = of_hours(PROFILES[Kind.MALL].by_hour, 15, 22)
