"""steady: cycles of garbage, which the collector finds now and then: memory is a saw-tooth."""

import gc
import time


class Node:
    def __init__(self):
        self.itself = self
        self.room = bytearray(b"x" * 20_000)


gc.set_threshold(150)
print("ready", flush=True)
while True:
    Node()
    time.sleep(0.005)
