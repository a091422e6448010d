"""How fast the engine is, beside what a user would pick instead and beside the floor: ratios of one run on one machine."""
