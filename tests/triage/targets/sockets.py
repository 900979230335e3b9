"""leak: 10 connections a second that nobody closes."""

import socket
import time

server = socket.create_server(("127.0.0.1", 0), backlog=1_000)
print("ready", flush=True)
kept = []
while True:
    kept.append(socket.create_connection(server.getsockname()))
    time.sleep(0.1)
