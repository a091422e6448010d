"""Two-way synchronisation of business systems, as dataflow documents describe it."""
