"""leak: a list that grows by 2 MB a second."""

import time

print("ready", flush=True)
kept = []
while True:
    kept.append(bytearray(b"x" * 20_000))
    time.sleep(0.01)
