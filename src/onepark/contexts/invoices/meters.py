"""What is counted of invoices.

Owns: the metrics of documents and of who is told of them.
Never: decides.
"""

from onepark.infra.metrics import counter

MOVED = counter("invoices_moved", "Invoices that came to a state.", ("document", "state"))
TOLD = counter("invoice_messages", "Messages of invoices, by way and end.", ("way", "end"))
