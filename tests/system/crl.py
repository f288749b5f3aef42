#!/usr/bin/env python3
# Indirect CRLs (RFC 5280 5.2.5, 5.3.3), which openssl(1) does not make.
#   crl.py point CERT                       hex of cRLDistributionPoints with
#                                           the subject of CERT as cRLIssuer
#   crl.py list [--direct] CERT KEY OUT [ENTRY...]
#       ENTRY  SERIAL:CERT   hex serial, certificateIssuer: the issuer of CERT
#              SERIAL:       no certificateIssuer
#              COUNT*CERT    serials 1 to COUNT, the first with the issuer
import datetime
import subprocess
import sys


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def openssl(*args, **kw):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, **kw).stdout


def children(der):
    out, i = [], 0
    while i < len(der):
        n, head = der[i + 1], 2
        if n >= 0x80:
            head += n & 0x7F
            n = int.from_bytes(der[i + 2:i + head], "big")
        out.append((der[i:i + head + n], der[i + head:i + head + n]))
        i += head + n
    return out


def fields(cert):
    # serial, algorithm, issuer, validity, subject, key, ... of a v3 certificate
    der = openssl("x509", "-in", cert, "-outform", "DER")
    return [whole for whole, _ in children(children(children(der)[0][1])[0][1])][1:]


def issuer(cert):
    return fields(cert)[2]


def subject(cert):
    return fields(cert)[4]


def integer(v):
    return tlv(0x02, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def utctime(t):
    return tlv(0x17, t.strftime("%y%m%d%H%M%SZ").encode())


def extension(oid, value, critical):
    return tlv(0x30, bytes.fromhex(oid), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


def entry(serial, name, when):
    ext = b""
    if name:
        ext = tlv(0x30, extension("0603551d1d", tlv(0x30, tlv(0xA4, name)), True))
    return tlv(0x30, integer(serial), utctime(when), ext)


def entries(text, when):
    if "*" in text:
        count, cert = text.split("*", 1)
        name = issuer(cert)
        return [entry(i, name if i == 1 else None, when) for i in range(1, int(count) + 1)]
    serial, cert = text.split(":", 1)
    return [entry(int(serial, 16), issuer(cert) if cert else None, when)]


def crl_list(direct, cert, key, out, wanted):
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    revoked = [e for text in wanted for e in entries(text, now - hour)]
    algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    extensions = extension("0603551d14", integer(1), False)
    if not direct:
        extensions += extension("0603551d1c", tlv(0x30, b"\x84\x01\xff"), True)
    tbs = tlv(0x30, integer(1), algorithm, subject(cert), utctime(now - hour),
              utctime(now + 24 * hour), tlv(0x30, *revoked) if revoked else b"",
              tlv(0xA0, tlv(0x30, extensions)))
    sig = openssl("dgst", "-sha256", "-sign", key, input=tbs)
    with open(out, "wb") as f:
        f.write(tlv(0x30, tbs, algorithm, tlv(0x03, b"\x00", sig)))


args = sys.argv[1:]
if args[0] == "point":
    print(tlv(0x30, tlv(0x30, tlv(0xA2, tlv(0xA4, subject(args[1]))))).hex())
elif args[0] == "list":
    direct = args[1] == "--direct"
    rest = args[2:] if direct else args[1:]
    crl_list(direct, rest[0], rest[1], rest[2], rest[3:])
else:
    sys.exit("crl.py: point or list")
