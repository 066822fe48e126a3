"""The embedded default: PostgreSQL and Valkey from wheels, as children of this process.

Owns: starting, keeping and ending the two servers.
Never: creates a schema, or touches a server that it did not start.
"""

from onepark.infra.embedded.child import Child, ChildFailed
from onepark.infra.embedded.ports import free_port
from onepark.infra.embedded.postgres import start_postgres
from onepark.infra.embedded.valkey import start_valkey

__all__ = ["Child", "ChildFailed", "free_port", "start_postgres", "start_valkey"]
