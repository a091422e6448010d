"""The five systems as real HTTP servers on loopback ports, for the demo and for tests.

They behave like the real systems and not like our client: nothing here imports the engine.
"""

from talk_assets.sandbox.clock import Clock, SystemClock, VirtualClock
from talk_assets.sandbox.memory import Forgotten, keep, recall
from talk_assets.sandbox.serve import PORTS, PortTaken, Sandbox, start

__all__ = ["PORTS", "Clock", "Forgotten", "PortTaken", "Sandbox", "SystemClock", "VirtualClock", "keep", "recall", "start"]
