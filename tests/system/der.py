#!/usr/bin/env python3
# Requests that openssl(1) does not make.
#   der.py flip IN OUT              the last octet of the signature changed
#   der.py second KEY TNHEX OUT     two extensionRequest attributes
import subprocess
import sys


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def oid(text):
    return bytes.fromhex(text)


if sys.argv[1] == "flip":
    data = bytearray(open(sys.argv[2], "rb").read())
    data[-1] ^= 1
    open(sys.argv[3], "wb").write(data)
elif sys.argv[1] == "second":
    key, tn, out = sys.argv[2:]
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                          check=True, capture_output=True).stdout
    ext = tlv(0x30, oid("06082b0601050507011a"), tlv(0x04, bytes.fromhex(tn)))
    attr = tlv(0x30, oid("06092a864886f70d01090e"), tlv(0x31, tlv(0x30, ext)))
    info = tlv(0x30, b"\x02\x01\x00", tlv(0x30), spki, tlv(0xA0, attr, attr))
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=info,
                         check=True, capture_output=True).stdout
    open(out, "wb").write(tlv(0x30, info, tlv(0x30, oid("06082a8648ce3d040302")),
                              tlv(0x03, b"\x00", sig)))
else:
    sys.exit("der.py: flip or second")
