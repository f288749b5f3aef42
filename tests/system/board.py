#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The board's side of the vault's socket, for tests: its own reading of include/dca/message.h.
usage: board.py SOCKET beat 0|1             prints the answer as JSON
       board.py SOCKET event NAME TEXT
       board.py SOCKET serve FILE           reports, then appends each COMMAND to FILE, until it is ended
"""
import json
import signal
import socket
import sys


def head(major, n):
    for size, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, 'big')


def encode(v):
    if isinstance(v, bool):
        return b'\xf5' if v else b'\xf4'
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b''.join(map(encode, v))
    keys = sorted(v, key=lambda k: (len(k), k))
    return head(5, len(keys)) + b''.join(encode(k) + encode(v[k]) for k in keys)


def decode(b):
    major, n, b = b[0] >> 5, b[0] & 31, b[1:]
    if major == 7:
        return {20: False, 21: True, 22: None}[n], b
    if n >= 24:
        size = 1 << n - 24
        n, b = int.from_bytes(b[:size], 'big'), b[size:]
    if major == 0:
        return n, b
    if major == 1:
        return -1 - n, b
    if major in (2, 3):
        return (b[:n] if major == 2 else b[:n].decode()), b[n:]
    if major == 4:
        out = []
        for _ in range(n):
            v, b = decode(b)
            out.append(v)
        return out, b
    out = {}
    for _ in range(n):
        k, b = decode(b)
        out[k], b = decode(b)
    return out, b


def ask(s, *message):
    s.send(encode(list(message)))
    return decode(s.recv(1 << 18))[0]


path, what, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(path)
if what == 'beat':
    m = ask(s, 21, 1, int(rest[0]))
    print(json.dumps(decode(m[4])[0]) if m[0] == 129 else m)
elif what == 'event':
    m = ask(s, 22, 1, *rest)
    print(m)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    m = ask(s, 20, 1, encode({
        'board': 'lab', 'version': '1.2.3', 'slot': 'a', 'security': 3, 'floor': 2, 'floor_in': 'data',
        'state': 'operational', 'token': 'softhsm: NOT FOR PRODUCTION', 'clock': 'trusted', 'watchdog': True,
        'pcrs': {'7': bytes(32)}, 'update': {'state': 'good', 'version': '1.2.3'},
        'other': {'state': 'good', 'version': '1.2.2'}}))
    with open(rest[0], 'a') as f:
        print(m[0], m[2], file=f, flush=True)
        while True:
            packet = s.recv(1 << 18)
            if not packet:
                sys.exit(0)
            m, _ = decode(packet)
            if m[0] == 135:
                print('command', *m[2:], file=f, flush=True)
sys.exit(0 if m[0] == 129 else 1)
