"""What specs mean to the engine, and what records say in its terms."""
