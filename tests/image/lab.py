# SPDX-License-Identifier: Apache-2.0
"""The host's side: the lab STI-PA and STI-CA, an operator, a customer."""
import json
import os
import re
import shutil
import subprocess
import threading
import time

from vm import PATIENCE

COAP, LAB = 25684, 24000
SCOPE = "12025550000+10000"


class Failed(Exception):
    pass


RUNNING = set()


def run(*command, check=True, timeout=None, **options):
    command = [str(c) for c in command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as p:
        RUNNING.add(p)
        try:
            out, _ = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            raise
        finally:
            RUNNING.discard(p)
    done = subprocess.CompletedProcess(command, p.returncode, out)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(str(c) for c in command)} exits {done.returncode}:\n{done.stdout[-3000:]}")
    return done


class Lab:
    def __init__(self, programs, folder):
        self.bin, self.folder = programs, folder
        self.sandbox, self.dark = None, threading.Event()
        os.makedirs(folder, exist_ok=True)
        self.lab = os.path.join(folder, "lab")
        self.profile = os.path.join(folder, "operator")
        # a step that is run alone goes on where the last run ended
        self.enrolled = sum(1 for n in os.listdir(folder) if n.startswith("customer-"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def cut(self):
        """The box has no power: nobody asks it, nobody waits for its answer."""
        self.dark.set()
        for _ in range(5):      # one may just be starting
            for p in list(RUNNING):
                p.kill()
            time.sleep(0.2)

    def program(self, name, *arguments, **options):
        if self.dark.is_set():
            raise Failed("the box has no power")
        return run(os.path.join(self.bin, name), *arguments, **options)

    # --- STI-PA and STI-CA ---
    def serve(self):
        self.program("dca-sandbox", "init", self.lab)
        log = open(self.path("sandbox.log"), "w", encoding="utf-8")
        self.sandbox = subprocess.Popen(
            [os.path.join(self.bin, "dca-sandbox"), "serve", self.lab, "--port", str(LAB),
             "--host", "10.0.2.2", "--scope", f"{SCOPE},spc:709J", "--eab"],
            stdout=log, stderr=subprocess.STDOUT)
        for _ in range(100):
            with open(self.path("sandbox.log"), encoding="utf-8") as f:
                if "ready" in f.read():
                    return
            time.sleep(0.1)
        raise Failed("dca-sandbox does not serve; see sandbox.log")

    def stop(self):
        if self.sandbox:
            self.sandbox.kill()
            self.sandbox.wait()

    # --- provision.ini and what it names ---
    def provision(self, disk, more=""):
        """Puts provision.ini on the ESP of the disk."""
        folder = self.path("dca")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.tls(folder)
        if not os.path.exists(os.path.join(self.profile, "cert.pem")):
            self.ctl("init", "operator", "alice", "--url", f"coaps://127.0.0.1:{COAP}",
                     "--server", "sha256:" + 64 * "0")
        shutil.copy(os.path.join(self.profile, "cert.pem"), os.path.join(folder, "alice.pem"))
        for name in ("password", "pa-root.pem", "eab.key", "tls-ca.pem"):
            shutil.copy(os.path.join(self.lab, name), os.path.join(folder, name))
        with open(os.path.join(self.lab, "eab.kid"), encoding="ascii") as f:
            kid = f.read()
        base = f"https://10.0.2.2:{LAB}"
        with open(os.path.join(folder, "provision.ini"), "w", encoding="ascii") as f:
            f.write(f"""# written by tests/image
[network]
dhcp = yes
[time]
trust = rtc
[publish]
base_url = https://localhost:8443/sti
tls_certificate = tls.pem
tls_key = tls.key
tls_ca = web-ca.pem
[token]
create = yes
[operator]
id = alice
certificate = alice.pem
[cross]
subject_c = US
subject_o = Example TN Provider
subject_cn = SHAKEN box
[upstream]
base_url = {base}
user = lab
password_file = password
participant = LAB1
root = pa-root.pem
crl_url = {base}/download/v1/crl
crl_signer_url = {base}/download/v1/certificate/certificateId_2.crt
directory = {base}/acme/directory
eab_kid = {kid}
eab_key_file = eab.key
tls_ca = tls-ca.pem
retry = 1s
{more}""")
        files = [os.path.join(folder, n) for n in sorted(os.listdir(folder))]
        mtools("mcopy", "-o", "-i", esp(disk), *files, "::dca/")

    def tls(self, folder):
        """A certificate for the box's web server, and its CA."""
        ca = self.path("web-ca.pem")
        if not os.path.exists(ca):
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "3650", "-subj", "/CN=lab web CA", "-keyout", self.path("web-ca.key"),
                "-out", ca)
            run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=localhost", "-keyout", self.path("web.key"), "-out", self.path("web.csr"))
            with open(self.path("web.ext"), "w", encoding="ascii") as f:
                f.write("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
            run("openssl", "x509", "-req", "-in", self.path("web.csr"), "-CA", ca, "-CAkey",
                self.path("web-ca.key"), "-days", "3650", "-extfile", self.path("web.ext"),
                "-out", self.path("web.pem"))
        shutil.copy(self.path("web.pem"), os.path.join(folder, "tls.pem"))
        shutil.copy(ca, os.path.join(folder, "web-ca.pem"))
        shutil.copy(self.path("web.key"), os.path.join(folder, "tls.key"))

    # --- the operator ---
    def ctl(self, *arguments, **options):
        return self.program("dcactl", "--profile", self.profile, *arguments, **options)

    def install(self, bundle, **options):
        self.known(120)
        return self.ctl("update", "install", bundle, **options)

    def pin(self, server):
        """The server's key, as the console showed it; a box that was flashed
        anew is another appliance."""
        path = os.path.join(self.profile, "profile.ini")
        with open(path, encoding="ascii") as f:
            text = f.read()
        with open(path, "w", encoding="ascii") as f:
            f.write(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{server}", text).split("[appliance]")[0])

    def known(self, timeout):
        """Until the box answers its operator: it is operational before its
        network is up, and provision.ini's operator is made last of all."""
        end = time.monotonic() + PATIENCE * timeout
        while self.ctl("status", check=False, timeout=PATIENCE * 120).returncode != 0:
            if time.monotonic() > end:
                raise Failed(f"the box does not answer its operator within {PATIENCE * timeout} s")
            time.sleep(1)

    def cross(self, key="keep"):
        self.ctl("cross", "order", "--scope", SCOPE, "--key", key, timeout=PATIENCE * 300)
        rows = json.loads(self.ctl("--json", "cross", "list").stdout)
        self.ctl("cross", "activate", str(rows["orders"][-1]["id"]), "--yes")
        self.ctl("cross", "chain", "--out", self.path("chain.pem"))

    def numbers(self):
        with open(self.path("inventory.csv"), "w", encoding="ascii") as f:
            f.write("start,count,spc\n+12025550000,10000,709J\n")
        self.ctl("inventory", "import", self.path("inventory.csv"))

    def customer(self):
        """Who enrols next: another one after every 50 keys, for one gets 100 a
        day; with numbers of its own. The box is asked what it has of that: its
        disk may be an older one, and power may have gone in between."""
        n = self.enrolled // 50
        name, number = f"acme{n}", f"{12025550000 + 100 * n}"
        if name not in self.ctl("customer", "list").stdout:
            self.ctl("customer", "add", name, "--name", "Acme Contact Centre", "--country", "US")
        if number not in self.ctl("delegation", "list").stdout:
            with open(self.path("delegations.csv"), "w", encoding="ascii") as f:
                f.write("customer,start,count,not_before,not_after,shared\n"
                        f"{name},+{number},100,,,\n")
            self.ctl("delegation", "import", self.path("delegations.csv"))
        return name

    # --- the customer and the relying party ---
    def enrol(self):
        """A new key, a code, a certificate over CoAPs; verified by OpenSSL. Its serial."""
        self.known(120)
        name = self.customer()
        self.enrolled += 1
        folder = self.path(f"customer-{self.enrolled}")
        os.makedirs(folder, exist_ok=True)
        packet = os.path.join(folder, "packet")
        with open(packet, "w", encoding="ascii") as f:
            f.write(self.ctl("code", "create", "--customer", name).stdout.splitlines()[-1] + "\n")
        self.program("dca-enroll", "--packet-file", packet, "--dir", folder, timeout=PATIENCE * 180)
        cert = os.path.join(folder, "cert.pem")
        # the box has its time from the emulator's RTC: some seconds are none
        run("openssl", "verify", "-x509_strict", "-attime", str(int(time.time()) + 60), "-CAfile", os.path.join(self.lab, "root.pem"),
            "-untrusted", self.path("chain.pem"), cert)
        text = run("openssl", "asn1parse", "-in", cert).stdout
        if "1.3.6.1.5.5.7.1.26" not in text:
            raise Failed("no TNAuthList in the certificate")
        return folder, run("openssl", "x509", "-in", cert, "-noout", "-serial").stdout.split("=")[1].strip().lower()

    def fetch(self, folder):
        """As a relying party: the chain from x5u, path and scope."""
        with open(os.path.join(folder, "x5u"), encoding="ascii") as f:
            x5u = f.read().strip()
        end = time.monotonic() + PATIENCE * 60
        while True:
            done = self.program("dca-verify", "chain", "--roots", os.path.join(self.lab, "root.pem"),
                                "--tls-ca", self.path("web-ca.pem"), "--url",
                                x5u, check=False)
            if done.returncode == 0 or time.monotonic() > end:
                break
            time.sleep(2)
        if done.returncode != 0:
            raise Failed(done.stdout)


def esp(disk):
    return f"{disk}@@1M"


def mtools(*command):
    return run(*command, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}).stdout


def entries(disk):
    """The UKIs on the ESP, as systemd-boot sees them."""
    out = mtools("mdir", "-b", "-i", esp(disk), "::EFI/Linux")
    return sorted(line.rsplit("/", 1)[-1] for line in out.split() if line.endswith(".efi"))
