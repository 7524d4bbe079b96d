"""A server like an engine's, with faults to order; run as a script: SOCKET NOTES [MODE ...].

GET /health answers as the modes say; any other path gets a line, then what its name says. NOTES is a file it writes
process ids to: its own, then those of what it starts.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PATH, NOTES, *MODES = sys.argv[1:]
sick = threading.Event()


def note(pid: int) -> None:
    with Path(NOTES).open("a", encoding="ascii") as file:
        file.write(f"{pid}\n")


def answer(connection: socket.socket) -> None:
    with connection:
        path = connection.recv(4096).split(b" ")[1]
        if path == b"/health":
            well = not sick.is_set() and "loading" not in MODES
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if well else b"HTTP/1.1 503 No\r\n\r\n")
            return
        connection.sendall(b"hello\n")
        if path == b"/die":
            os._exit(3)
        if path in {b"/sicken", b"/busy"}:
            sick.set()
        while path == b"/busy":
            connection.sendall(b"tick\n")
            time.sleep(0.02)
        if path == b"/answer":
            connection.sendall(b"end\n")
        if path in {b"/answer", b"/break"}:
            return
        threading.Event().wait()  # until it is killed


def main() -> None:
    sys.stdout.write("the model cannot be found\n")
    sys.stdout.flush()
    note(os.getpid())
    if "dies" in MODES:
        sys.exit(3)
    if "stubborn" in MODES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "parent" in MODES:
        note(subprocess.Popen(["sleep", "600"]).pid)
        note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(PATH)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=[connection], daemon=True).start()


if __name__ == "__main__":
    main()
