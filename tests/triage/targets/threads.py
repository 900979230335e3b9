"""leak: 10 threads a second that wait for ever."""

import threading
import time

print("ready", flush=True)
never = threading.Event()
while True:
    threading.Thread(target=never.wait, daemon=True).start()
    time.sleep(0.1)
