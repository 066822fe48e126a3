"""The morning of a hospital: six to noon, most of the cars within two hours.

The hours are those by which the simulated city parks.
"""

from loadtests.common.curve import of_hours
from loadtests.common.shape import Curve
from onepark.simulator.city.profile import PROFILES, Kind


class HospitalMorning(Curve):
    """Arrivals by hour, squeezed into the minutes of the run."""

    curve = of_hours(PROFILES[Kind.HOSPITAL].by_hour, 5, 12)
