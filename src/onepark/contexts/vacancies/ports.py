"""What vacancies needs of its peers.

Owns: how the city's archive in memory is asked for.
Never: names a class of another context's service.
"""

from typing import Protocol

from onepark.contexts.registry.directory import Directory


class DirectorySource(Protocol):
    """Returns the present archive; a new version is a new object."""

    def __call__(self) -> Directory: ...
