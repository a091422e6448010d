"""What people ask of the engine: functions that read the hub, decide what a person decided, and answer. They print nothing."""
