"""Prints each datagram that reaches a UNIX socket, as a service manager would get it: `datagrams.py PATH`."""

import os
import socket
import sys

path = sys.argv[1]
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind("\0" + path[1:] if path.startswith("@") else path)
print("listening", flush=True)
while True:
    print(os.fsdecode(listening.recv(4096)), flush=True)
