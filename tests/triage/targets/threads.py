"""leak: 6 threads a second that wait for ever."""

import threading
import time

from common import is_looked_at, ready

ready()
never = threading.Event()
while is_looked_at():
    threading.Thread(target=never.wait, daemon=True).start()
    time.sleep(0.16)
