"""Invoiced: Basic auth, `Link` headers, idempotency keys, UNIX times."""
