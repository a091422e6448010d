"""Every run of the suite tries the same examples; a longer search is a command of its own."""

from hypothesis import HealthCheck, settings

settings.register_profile("suite", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
