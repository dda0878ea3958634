"""A handler for the tests of lines in place: each event names what it does."""

import json
import logging
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time

# How many lines have been written, where it survives the process.
COUNT = None
if os.environ.get("COUNT_FILE"):
    COUNT = mmap.mmap(os.open(os.environ["COUNT_FILE"], os.O_RDWR), 8)


def counted(n):
    COUNT[:8] = n.to_bytes(8, "little")


def printed(event):
    for i in range(event["lines"]):
        os.write(1, b"line %d of %s\n" % (i, event["mark"].encode()))


def killed(event):
    """Writes until it is killed, and counts what was written."""
    threading.Timer(random.uniform(0, 0.05), os.kill, (os.getpid(), signal.SIGKILL)).start()
    log = logging.getLogger()
    for i in range(1_000_000):
        if event["framed"]:
            log.warning("line %d of %s", i, event["mark"])
        else:
            os.write(1, b"line %d of %s\n" % (i, event["mark"].encode()))
        counted(i + 1)


def endless(event):
    """Leaves a child that writes without end."""
    subprocess.Popen(["/bin/sh", "-c", "while :; do echo endless endless endless endless; done"], stdin=subprocess.DEVNULL)
    time.sleep(0.05)


def background(event):
    """Goes on printing while the sandbox is frozen, and thaws."""

    def run():
        for i in range(event["lines"]):
            os.write(1, b"line %d of %s\n" % (i, event["mark"].encode()))
            time.sleep(0.002)

    threading.Thread(target=run).start()


def crowd(event):
    """Processes that write to one pipe side by side."""
    script = "i=0; while [ $i -lt 20 ]; do echo \"line $i of $0 $1\"; i=$((i+1)); done"
    pad = "x" * 1500
    children = [subprocess.Popen(["/bin/sh", "-c", script, "child%d" % n, pad]) for n in range(event["children"])]
    for child in children:
        child.wait()


def bad(event):
    """What no log expects."""
    os.write(1, b"\x00\xff\xfe binary\n\n\r\ncrlf\r\n")
    os.write(1, b"z" * 700_000 + b"\n")
    os.write(2, b"to stderr\n")
    with open("/dev/stdout", "wb", buffering=0) as again:
        again.write(b"opened again\n")
    os.write(os.dup(1), b"dup of 1\n")
    os.write(1, b"no newline yet")


def closed(event):
    os.close(1)
    os.close(2)
    time.sleep(0.2)


def extension():
    """The process of the extension of this sandbox."""
    port = "POWERTOOLS_EXTENSION_HTTP_PORT=" + os.environ["POWERTOOLS_EXTENSION_HTTP_PORT"]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ") as environ, open(f"/proc/{pid}/comm") as comm:
                if port in environ.read().split("\0") and comm.read().startswith("powertools-ext"):
                    return int(pid)
        except OSError:
            pass
    raise LookupError("no extension")


def memory(event):
    """The most memory that the extension has had, in kB."""
    with open(f"/proc/{extension()}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def dated(event):
    """Lines that say when they were written, in microseconds."""
    for _ in range(event["lines"]):
        os.write(1, b"written at %d\n" % (time.time_ns() // 1000))
        time.sleep(0.001)


def outlives(event):
    """Prints when the extension is gone."""
    os.kill(extension(), signal.SIGKILL)
    for _ in range(1000):
        print("after the extension", flush=True)
        time.sleep(0.01)


def secrets(event):
    print("password=hunter2 in text", flush=True)
    print(json.dumps({"level": "INFO", "password": "hunter2"}), flush=True)
    print("q" * 300_000 + " password=hunter2 behind", flush=True)


def crashes(event):
    os.write(2, b"last words")
    os._exit(7)


def levels(event):
    log = logging.getLogger()
    log.setLevel(logging.DEBUG)
    for i in range(3):
        log.debug("held %d", i)
    log.warning("not held")
    if event.get("fail"):
        os._exit(3)


def handler(event, context):
    result = globals()[event["do"]](event)
    sys.stdout.flush()
    return {"result": result}
