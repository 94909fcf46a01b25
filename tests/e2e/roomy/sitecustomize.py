"""On ``PYTHONPATH``, it gives the app's processes a machine with room for any model.

What a model needs is reckoned from its spec, and a replica is small: the tests' fixture
``plenty_of_memory`` does the same for code that runs in the tests' own process.
"""

from wan_demo.engine import machine

machine.ram = lambda: machine.Ram(total=2**50, free=2**50)
machine.disk = lambda _folder: 2**50
