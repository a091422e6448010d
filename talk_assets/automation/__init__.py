"""When runs happen: jobs, schedules that read, sensors that push. All of it is off until somebody switches it on."""
