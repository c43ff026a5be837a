"""Asks a list through librootline_allowlist.so and prints what it was told, as client.c does."""

import ctypes
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p


class Pins(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("origin", c_char_p), ("log_key", c_char_p), ("log_key_size", c_size_t),
        ("allow_rehearsal", c_int32), ("reserved", c_int32), ("serial_key", c_char_p), ("pins_file", c_char_p),
    ]


class Answer(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("entry_index", c_uint64), ("not_after", c_uint64),
        ("event_time", c_uint64), ("replaced_by", c_uint64), ("tree_size", c_uint64),
        ("root", c_uint8 * 32), ("key_sha256", c_uint8 * 32), ("certificate_sha256", c_uint8 * 32),
        ("state", c_int32), ("key_checked", c_int32), ("rotates", c_int32), ("serial_checked", c_int32),
        ("run", c_char * 136), ("product", c_char * 136), ("serial", c_char * 264), ("reason", c_char * 264),
    ]


class Summary(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("tree_size", c_uint64), ("root", c_uint8 * 32), ("devices", c_uint64),
        ("revocations", c_uint64), ("scrapped", c_uint64), ("replacements", c_uint64), ("runs", c_uint64),
        ("open_runs", c_uint64), ("approved", c_int32), ("rehearsal", c_int32),
    ]


VISITOR = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(Answer))


def load(path):
    library = ctypes.CDLL(path)
    room = [c_char_p, c_size_t]
    for name, arguments in {
        "open": [c_char_p, POINTER(Pins), c_uint32, POINTER(c_uint64)] + room,
        "verify": [c_uint64, POINTER(Summary)] + room,
        "checkpoint": [c_uint64, POINTER(c_uint64), c_char_p] + room,
        "lookup": [c_uint64, c_char_p, c_char_p, c_char_p, POINTER(Answer)] + room,
        "lookup_certificate": [c_uint64, c_char_p, c_char_p, POINTER(Answer)] + room,
        "each_device": [c_uint64, VISITOR, c_void_p] + room,
        "close": [c_uint64],
    }.items():
        function = getattr(library, "rootline_allowlist_" + name)
        function.argtypes = arguments
        function.restype = None if name == "close" else c_int32
    library.rootline_allowlist_word.argtypes = [c_int32]
    library.rootline_allowlist_word.restype = c_char_p
    return library


class Client:
    def __init__(self, library):
        self.library = library
        self.message = ctypes.create_string_buffer(400)

    def call(self, name, *arguments):
        return getattr(self.library, "rootline_allowlist_" + name)(*arguments, self.message, len(self.message))

    def said(self, command, status, *rest, message=True):
        word = self.library.rootline_allowlist_word(status).decode()
        text = " ".join([command, str(status), word, *rest])
        print(text + (": " + self.message.value.decode() if message else ""))

    def open(self, path, origin, key, options):
        pins = Pins(ctypes.sizeof(Pins), origin.encode(), key, len(key), 0, 0, None, None)
        self.list = c_uint64(0)
        status = self.call("open", path.encode(), byref(pins), options, byref(self.list))
        self.said("open", status)
        return status == 0

    def verify(self):
        s = Summary(ctypes.sizeof(Summary))
        status = self.call("verify", self.list, byref(s))
        self.said(
            "verify", status, f"size={s.tree_size}", f"devices={s.devices}", f"revocations={s.revocations}",
            f"scrapped={s.scrapped}", f"replacements={s.replacements}", f"runs={s.runs}",
            f"open={s.open_runs}", f"approved={s.approved}")

    def checkpoint(self):
        size, root = c_uint64(0), ctypes.create_string_buffer(32)
        status = self.call("checkpoint", self.list, byref(size), root)
        self.said(
            "checkpoint", status, f"size={size.value}", f"root={root.raw[0]:02x}{root.raw[31]:02x}",
            message=False)

    def answered(self, command, status, a):
        self.said(
            command, status, f"state={a.state}", f"key={a.key_checked}", f"index={a.entry_index}",
            f"serial={a.serial.decode()}", f"product={a.product.decode()}", f"run={a.run.decode()}",
            f"by={a.replaced_by}", f"reason={a.reason.decode()}")

    def lookup(self, serial, product, key):
        answer = Answer(ctypes.sizeof(Answer))
        status = self.call(
            "lookup", self.list, serial.encode(), None if product == "-" else product.encode(), digest(key),
            byref(answer))
        self.answered("lookup", status, answer)

    def certificate(self, certificate, key):
        answer = Answer(ctypes.sizeof(Answer))
        status = self.call("lookup_certificate", self.list, digest(certificate), digest(key), byref(answer))
        self.answered("certificate", status, answer)

    def each(self, stop_after):
        devices = []

        def visit(context, device):
            devices.append((device.contents.serial.decode(), device.contents.state))
            return len(devices) == stop_after

        status = self.call("each_device", self.list, VISITOR(visit), None)
        listed = sum(state == 1 for _, state in devices)
        last = devices[-1][0] if devices else ""
        self.said("each", status, f"visited={len(devices)}", f"listed={listed}", f"last={last}")


def digest(text):
    return None if text == "-" else bytes.fromhex(text)


def main():
    library = load(sys.argv[1])
    if library.rootline_allowlist_abi_version() != 1:
        return 2
    client = Client(library)
    path, origin, key_file, options, *commands = sys.argv[2:]
    with open(key_file, "rb") as file:
        key = file.read()
    if not client.open(path, origin, key, int(options)):
        return 1
    while commands:
        command = commands.pop(0)
        count = {"lookup": 3, "certificate": 2, "each": 1}.get(command, 0)
        arguments, commands = commands[:count], commands[count:]
        getattr(client, command)(*([int(arguments[0])] if command == "each" else arguments))
    library.rootline_allowlist_close(client.list)
    return 0


sys.exit(main())
