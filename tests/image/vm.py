# SPDX-License-Identifier: Apache-2.0
"""A box in QEMU: firmware with Secure Boot, disk, network, serial console.

Every line of the console is kept with the seconds since power-on. A second
serial line is root's shell in images that were built with --debug-shell
(labs only), for tests that look inside or break something.
"""
import os
import re
import shutil
import socket
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# what QEMU needs to be told beside the board's own [emulator] arguments: its
# name, the firmware, the variables' template in the lab's folder, the second
# serial line, the TPM (none where Debian's kernel has no driver for QEMU's)
MACHINES = {
    "amd64": ("qemu-system-x86_64", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd",
              ["-global", "driver=cfi.pflash01,property=secure,value=on",
               "-device", "isa-serial,chardev=shell"], "tpm-crb"),
    "arm64": ("qemu-system-aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", "AAVMF_VARS.fd",
              ["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell"], None),
}
# limits below are a few times what a quiet machine with two cores takes; others
# are slower, and no test is about time
PATIENCE = 3
ESCAPES = re.compile(r"\x1b\[[0-9;:=?!]*[A-Za-z]|\x1b[c()][0-9A-Z]?|\r")

class Timeout(Exception):
    pass


def board_value(board, key):
    """The value of a key of board.conf, whatever section it is in."""
    with open(os.path.join(TOP, "board", board, "board.conf"), encoding="utf-8") as f:
        return next(line.split("=", 1)[1].strip() for line in f if re.match(rf"{key} *=", line))


class VM:
    def __init__(self, board, folder, disk, keys, ports, tpm=False, memory=1024):
        self.folder, self.disk, self.ports, self.tpm, self.memory = folder, disk, ports, tpm, memory
        self.qemu, self.code, template, self.devices, self.tpm_device = MACHINES[board_value(board, "architecture")]
        self.arguments = board_value(board, "arguments").split()
        self.variables = os.path.join(folder, "vars.fd")
        if not os.path.exists(self.variables):
            shutil.copy(os.path.join(keys, template), self.variables)
        self.lines, self.process, self.swtpm = [], None, None
        self.news = threading.Condition()
        self.number = 0
        self.plain = False

    def command(self, extra):
        net = "user,id=n0" + "".join(f",hostfwd={p}" for p in self.ports)
        shell = os.path.join(self.folder, "shell.sock")
        return [self.qemu, *self.arguments, "-accel", "tcg,thread=multi", "-smp", "2", "-m", str(self.memory),
                "-nodefaults", "-display", "none", "-serial", "stdio",
                "-chardev", f"socket,id=shell,path={shell},server=on,wait=off", *self.devices,
                "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={self.code}",
                "-drive", f"if=pflash,format=raw,unit=1,file={self.variables}",
                # what the guest flushed is on the host's disk when QEMU is killed
                "-drive", f"if=none,id=d0,format=raw,cache=writeback,file={self.disk}",
                "-device", "virtio-blk-pci,drive=d0,bootindex=1",
                "-netdev", net, "-device", "virtio-net-pci,netdev=n0,romfile=",
                "-device", "virtio-rng-pci", *extra]

    def start(self, *extra):
        self.number += 1
        extra = list(extra)
        if self.tpm:
            extra += self.start_tpm()
        self.lines, self.plain = [], False
        self.log = open(os.path.join(self.folder, f"serial-{self.number}.log"), "w", encoding="utf-8")
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.command(extra), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def start_tpm(self):
        state = os.path.join(self.folder, "tpm")
        os.makedirs(state, exist_ok=True)
        sock = os.path.join(self.folder, "tpm.sock")
        self.swtpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}",
             "--ctrl", f"type=unixio,path={sock}", "--flags", "not-need-init,startup-clear",
             "--terminate"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(50):
            if os.path.exists(sock):
                break
            time.sleep(0.1)
        return ["-chardev", f"socket,id=tpm,path={sock}", "-tpmdev", "emulator,id=t0,chardev=tpm",
                "-device", f"{self.tpm_device},tpmdev=t0"]

    def read(self):
        for raw in self.process.stdout:
            text = ESCAPES.sub("", raw.decode("utf-8", "replace")).rstrip("\n")
            at = time.monotonic() - self.began
            with self.news:
                self.lines.append((at, text))
                self.log.write(f"{at:8.2f} {text}\n")
                self.log.flush()
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait(self, pattern, timeout, since=0):
        """The match and its line's number, of the first line from number
        since on that has it."""
        end = time.monotonic() + PATIENCE * timeout
        regex = re.compile(pattern)
        n = since
        with self.news:
            while True:
                for n in range(n, len(self.lines)):
                    found = regex.search(self.lines[n][1])
                    if found:
                        return found, n
                n = len(self.lines)
                left = end - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    last = "\n".join(t for _, t in self.lines[-12:])
                    raise Timeout(f"no {pattern!r} within {PATIENCE * timeout} s; the console ends with\n{last}")
                self.news.wait(min(left, 1))

    def at(self, n):
        return self.lines[n][0]

    def said(self, pattern):
        regex = re.compile(pattern)
        return any(regex.search(t) for _, t in self.lines)

    def kill(self):
        """As when the power goes."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.reader.join(5)
            self.log.close()
            self.process = None
        if self.swtpm:
            self.swtpm.kill()
            self.swtpm.wait()
            self.swtpm = None

    def shell(self, command, timeout=60, check=True):
        """Runs command as root inside; its output."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.folder, "shell.sock"))
            if not self.plain:
                # bash edits lines and colours its prompt; dash does neither.
                # It may not be there yet: ask until it answers.
                for _ in range(20):
                    code, _ = self.ask(s, "exec env PS1= PS2= TERM=dumb dash\n stty -echo\n", 10)
                    if code is not None:
                        break
                self.plain = True
            code, out = self.ask(s, f"{{ {command}\n}} 2>&1\n", PATIENCE * timeout)
        if code is None:
            raise Timeout(f"in the box, {command!r} has not ended within {PATIENCE * timeout} s; it printed\n{out}")
        if check and code != 0:
            raise RuntimeError(f"in the box, {command!r} exits {code}:\n{out}")
        return out

    @staticmethod
    def ask(s, lines, timeout):
        """Sends lines; exit code (None: no answer) and what was printed."""
        mark = f"{time.monotonic_ns()}"
        s.settimeout(1)
        # where the line is echoed the marks are not in one piece
        s.sendall(f"echo 'begin''-{mark}'\n{lines}echo; echo 'end''-{mark}' $?\n".encode())
        got, end = "", time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                got += ESCAPES.sub("", s.recv(65536).decode("utf-8", "replace"))
            except socket.timeout:
                continue
            found = re.search(rf"begin-{mark}\n(.*)\nend-{mark} (\d+)", got, re.DOTALL)
            if found:
                return int(found.group(2)), found.group(1).strip()
        return None, got


def copy_disk(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
