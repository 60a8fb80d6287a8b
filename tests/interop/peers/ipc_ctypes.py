#!/usr/bin/env python3
"""System V IPC through Python's ctypes: a peer for the interop tests.

  python3 ipc_ctypes.py ftok PATH PROJECT          prints `key N`
  python3 ipc_ctypes.py wave KEY                   prints the wave struct
  python3 ipc_ctypes.py shm create KEY SIZE        prints `id N`
  python3 ipc_ctypes.py shm write KEY OFFSET TEXT
  python3 ipc_ctypes.py shm read KEY OFFSET LENGTH     prints `hex …`
  python3 ipc_ctypes.py sem create KEY COUNT       prints `id N`
  python3 ipc_ctypes.py sem op KEY INDEX:DELTA[:FLAGS]…   n nowait, u undo
  python3 ipc_ctypes.py sem value KEY              prints `values …`
  python3 ipc_ctypes.py sem set KEY INDEX VALUE
  python3 ipc_ctypes.py sem hold KEY INDEX         -1 with SEM_UNDO, waits
  python3 ipc_ctypes.py msg create KEY             prints `id N`
  python3 ipc_ctypes.py msg send KEY TYPE TEXT [NOWAIT]
  python3 ipc_ctypes.py msg recv KEY TYPE [NOWAIT]
                                     prints `type N`, `length N`, `hex …`
  python3 ipc_ctypes.py shm|sem|msg rm KEY

`wave` prints `state waveform value time period`, all as numbers. Arguments,
output and exit status are those of peer.h: `error CALL ERRNO MESSAGE` on
standard error and status 1 for a failed call, 2 for wrong usage.
"""

import ctypes
import os
import signal
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
libc.shmdt.argtypes = [ctypes.c_void_p]
libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
libc.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
libc.semop.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
libc.msgsnd.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.msgrcv.restype = ctypes.c_ssize_t
libc.msgrcv.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long,
    ctypes.c_int]

# The values of <sys/ipc.h>, <sys/shm.h> and <sys/sem.h> on Linux.
IPC_CREAT, IPC_NOWAIT, IPC_RMID = 0o1000, 0o4000, 0
SHM_RDONLY, SEM_UNDO = 0o10000, 0x1000
GETVAL, SETVAL = 12, 16
MOST_BYTES = 1 << 20
LIFETIME_SECONDS = 120  # if its test has died, the peer ends by itself


class Wave(ctypes.Structure):
    """The 32 bytes that a wave device and its clients share."""

    _fields_ = [
        ("state", ctypes.c_int32),
        ("waveform", ctypes.c_int32),
        ("value", ctypes.c_int32),
        ("time", ctypes.c_double),
        ("period", ctypes.c_double),
    ]


assert ctypes.sizeof(Wave) == 32 and Wave.time.offset == 16


class Sembuf(ctypes.Structure):
    _fields_ = [
        ("sem_num", ctypes.c_ushort),
        ("sem_op", ctypes.c_short),
        ("sem_flg", ctypes.c_short),
    ]


def check(call, result):
    """Returns the result, or ends the process if it is -1."""
    if result == -1 or result == ctypes.c_void_p(-1).value:
        error = ctypes.get_errno()
        print(f"error {call} {error} {os.strerror(error)}", file=sys.stderr)
        sys.exit(1)
    return result


def key_of(text):
    """A key is 32 bits: 0x80000000 and -2147483648 are the same one."""
    return ctypes.c_int32(int(text, 0)).value


def find(kind, target):
    if target.startswith("id:"):
        return int(target[3:])
    key = key_of(target)
    if kind == "shm":
        return check("shmget", libc.shmget(key, 0, 0))
    if kind == "sem":
        return check("semget", libc.semget(key, 0, 0))
    return check("msgget", libc.msgget(key, 0))


def attach(target, flags):
    return check("shmat", libc.shmat(find("shm", target), None, flags))


def ftok(path, project):
    key = libc.ftok(os.fsencode(path), int(project, 0))
    print("key", check("ftok", key))


def wave(target):
    reading = Wave.from_address(attach(target, SHM_RDONLY))
    print(reading.state, reading.waveform, reading.value, reading.time,
          reading.period)


def shm_create(key, size):
    flags = IPC_CREAT | 0o600
    print("id", check("shmget", libc.shmget(key_of(key), int(size, 0), flags)))


def shm_write(key, offset, text):
    data = os.fsencode(text)
    ctypes.memmove(attach(key, 0) + int(offset, 0), data, len(data))


def shm_read(key, offset, length):
    address = attach(key, SHM_RDONLY) + int(offset, 0)
    print("hex", ctypes.string_at(address, int(length, 0)).hex())


def sem_create(key, count):
    flags = IPC_CREAT | 0o600
    print("id", check("semget", libc.semget(key_of(key), int(count), flags)))


def operation(text):
    index, delta, flags = (text + ":").split(":")[:3]
    flag = IPC_NOWAIT if "n" in flags else 0
    flag |= SEM_UNDO if "u" in flags else 0
    return Sembuf(int(index), int(delta), flag)


def sem_op(key, *texts):
    ops = (Sembuf * len(texts))(*map(operation, texts))
    check("semop", libc.semop(find("sem", key), ops, len(ops)))


def sem_value(key):
    # Avoid semid_ds, whose layout depends on the machine: ask until the index
    # is out of range.
    identifier = find("sem", key)
    values = []
    while (value := libc.semctl(identifier, len(values), GETVAL)) != -1:
        values.append(value)
    if not values:
        check("semctl", -1)
    print("values", *values)


def sem_set(key, index, value):
    result = libc.semctl(find("sem", key), int(index), SETVAL, int(value))
    check("semctl", result)


def sem_hold(key, index):
    sem_op(key, f"{index}:-1:u")
    print("held", flush=True)
    while True:
        signal.pause()


def msg_create(key):
    flags = IPC_CREAT | 0o600
    print("id", check("msgget", libc.msgget(key_of(key), flags)))


def message_buffer(size):
    class Message(ctypes.Structure):
        _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * size)]

    return Message()


def msg_send(key, message_type, text, wait=""):
    data = os.fsencode(text)
    message = message_buffer(len(data))
    message.type = int(message_type, 0)
    message.text = data
    flags = IPC_NOWAIT if wait == "NOWAIT" else 0
    check("msgsnd", libc.msgsnd(
        find("msg", key), ctypes.byref(message), len(data), flags))


def msg_recv(key, message_type, wait=""):
    message = message_buffer(MOST_BYTES)
    flags = IPC_NOWAIT if wait == "NOWAIT" else 0
    length = check("msgrcv", libc.msgrcv(
        find("msg", key), ctypes.byref(message), MOST_BYTES,
        int(message_type, 0), flags))
    data = bytes(message)[ctypes.sizeof(ctypes.c_long):][:length]
    print(f"type {message.type}\nlength {length}\nhex {data.hex()}")


def remove(kind, key):
    identifier = find(kind, key)
    if kind == "shm":
        check("shmctl", libc.shmctl(identifier, IPC_RMID, None))
    elif kind == "sem":
        check("semctl", libc.semctl(identifier, 0, IPC_RMID))
    else:
        check("msgctl", libc.msgctl(identifier, IPC_RMID, None))


VERBS = {
    ("ftok",): ftok,
    ("wave",): wave,
    ("shm", "create"): shm_create,
    ("shm", "write"): shm_write,
    ("shm", "read"): shm_read,
    ("shm", "rm"): lambda key: remove("shm", key),
    ("sem", "create"): sem_create,
    ("sem", "op"): sem_op,
    ("sem", "value"): sem_value,
    ("sem", "set"): sem_set,
    ("sem", "hold"): sem_hold,
    ("sem", "rm"): lambda key: remove("sem", key),
    ("msg", "create"): msg_create,
    ("msg", "send"): msg_send,
    ("msg", "recv"): msg_recv,
    ("msg", "rm"): lambda key: remove("msg", key),
}


def main(arguments):
    signal.alarm(LIFETIME_SECONDS)
    for words in (1, 2):
        verb = VERBS.get(tuple(arguments[:words]))
        if verb is not None:
            try:
                verb(*arguments[words:])
            except (TypeError, ValueError) as error:
                print(f"wrong usage: {error}", file=sys.stderr)
                sys.exit(2)
            return
    print(__doc__, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
