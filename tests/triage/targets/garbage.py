"""steady: cycles of garbage, which the collector finds now and then: memory is a saw-tooth."""

import gc
import time

from common import is_looked_at, ready


class Node:
    def __init__(self):
        self.itself = self
        self.room = bytearray(b"x" * 20_000)


gc.set_threshold(150)
ready()
while is_looked_at():
    Node()
    time.sleep(0.005)
