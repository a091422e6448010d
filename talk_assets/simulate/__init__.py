"""The whole engine under seeded users, faults and crashes, in one process, with an oracle that it never sees."""
