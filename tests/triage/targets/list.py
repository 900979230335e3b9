"""leak: a list that grows by 1.5 MB a second."""

import time

from common import is_looked_at, ready

ready()
kept = []
while is_looked_at():
    kept.append(bytearray(b"x" * 15_000))
    time.sleep(0.01)
