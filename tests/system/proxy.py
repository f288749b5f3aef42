#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# An HTTP proxy that knows CONNECT and nothing else, and says what it is asked.
# usage: proxy.py PORT
import socket
import sys
import threading


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(c):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 8192:
        data = c.recv(4096)
        if not data:
            return
        head += data
    line = head.split(b"\r\n")[0].decode("ascii", "replace")
    print(line, flush=True)
    method, where, _ = line.split(" ", 2)
    if method != "CONNECT":
        c.sendall(b"HTTP/1.1 405 no\r\n\r\n")
        c.close()
        return
    host, port = where.rsplit(":", 1)
    s = socket.create_connection((host, int(port)))
    c.sendall(b"HTTP/1.1 200 connected\r\n\r\n")
    threading.Thread(target=pump, args=(c, s), daemon=True).start()
    pump(s, c)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
