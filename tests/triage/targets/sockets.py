"""leak: 6 connections a second that nobody closes."""

import socket
import time

from common import is_looked_at, ready

server = socket.create_server(("127.0.0.1", 0), backlog=1_000)
ready()
kept = []
while is_looked_at():
    kept.append(socket.create_connection(server.getsockname()))
    time.sleep(0.16)
