"""Proves from the outside that every device of a site was made exactly once.

    python3 audit_run.py SITE STATUS VERIFICATION RUN:FIRST:COUNT...

SITE is the site's folder, STATUS and VERIFICATION are what `run status --format json` and `allowlist verify
--format json` printed, and each RUN should have released the serials EX-<FIRST> and on, COUNT of them, in the order
in which the runs were started. Prints a finding a line, and nothing where all is as it should be.

Nothing of the product is used but those two documents: packages are opened as the station opens them, the log is
read from its tiles by the page Format.md, and certificates by the package `cryptography`.
"""

import base64
import hashlib
import json
import os
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

OPEN_RUN, ADD, REVOKE, SCRAP, REPLACE, SEAL, STATE = 1, 2, 3, 4, 5, 6, 7
findings = []


def find(text):
    findings.append(text)


def expect(condition, text):
    if not condition:
        find(text)
    return condition


# CBOR in the log's own form: unsigned integers, octets, text, arrays, maps, false and true.


def decode(data, at=0):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return low == 21, at
    if low >= 24:
        length = 1 << (low - 24)
        low, at = int.from_bytes(data[at : at + length], "big"), at + length
    if major == 0:
        return low, at
    if major in (2, 3):
        value = data[at : at + low]
        return (bytes(value) if major == 2 else value.decode()), at + low
    if major == 4:
        items = []
        for _ in range(low):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    fields = {}
    for _ in range(low):
        key, at = decode(data, at)
        fields[key], at = decode(data, at)
    return fields, at


def entries_of(log, size):
    """The log's entries in their order, from the tiles that make up a tree of this size."""
    entries = []
    while len(entries) < size:
        tile = len(entries) // 256
        width = min(256, size - tile * 256)
        name = "%03d" % (tile % 1000)
        while tile >= 1000:
            tile //= 1000
            name = "x%03d/" % (tile % 1000) + name
        path = f"{log}/tile/entries/{name}" + ("" if width == 256 else f".p/{width}")
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            entries.append(decode(data[at + 2 : at + 2 + length])[0])
            at += 2 + length
    return entries


def content_octets(number):
    """An INTEGER's content octets (X.690 §8.3)."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def packages_of(folder):
    """The lines of a run's visible packages, in row order, and what else stands there."""
    lines = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl") and not name.startswith("."):
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                lines += [json.loads(line) for line in file]
        elif name.startswith("."):
            find(f"left over: {folder}/{name}")
    return lines


class Station:
    """Opens wrapped keys as the programming station does."""

    def __init__(self, site):
        with open(f"{site}/station/station-private.pem", "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        self.transport = {}

    def transport_key(self, folder, name):
        if name not in self.transport:
            with open(f"{folder}/transport-keys/{name}.bin", "rb") as file:
                wrapped = file.read()
            oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            self.transport[name] = self.key.decrypt(wrapped, oaep)
        return self.transport[name]

    def open(self, folder, line):
        transport = self.transport_key(folder, line["transportKey"])
        pkcs8 = keywrap.aes_key_unwrap_with_padding(transport, base64.b64decode(line["wrappedKey"]))
        # Some tokens leave up to 7 zero octets behind: the outer length says where the key ends.
        length = int.from_bytes(pkcs8[2:4], "big") + 4 if pkcs8[1] == 0x82 else pkcs8[2] + 3 if pkcs8[1] == 0x81 else pkcs8[1] + 2
        return serialization.load_der_private_key(pkcs8[:length], None)


def spki(public_key):
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def once(values, what):
    """Finds what is there twice."""
    seen = set()
    for value in values:
        if value in seen:
            find(f"{what} twice: {value.hex() if isinstance(value, bytes) else value}")
        seen.add(value)
    return seen


def main(site, status_path, verification_path, *expected):
    with open(status_path, encoding="utf-8") as file:
        status = json.load(file)["runs"]
    with open(verification_path, encoding="utf-8") as file:
        verification = json.load(file)
    with open(f"{site}/certificates/issuing-ca.pem", "rb") as file:
        issuer = x509.load_pem_x509_certificate(file.read())
    runs = [(name, int(first), int(count)) for name, first, count in (text.split(":") for text in expected)]

    expect(verification["verified"], "allowlist verify says no")
    expect(not verification["warnings"], f"allowlist verify warns: {verification['warnings']}")
    expect([run["run"] for run in status] == [run[0] for run in runs], f"runs: {status}")
    with open(f"{site}/log/checkpoint", encoding="utf-8") as file:
        size = int(file.read().split("\n")[1])
    entries = entries_of(f"{site}/log", size)
    expect(len(entries) == size == verification["treeSize"], f"{len(entries)} entries in a tree of {size}")

    station = Station(site)
    devices, burned = [], []
    adds = [entry for entry in entries if entry[1] == ADD]
    position = 0
    for name, first, count in runs:
        record = next((run for run in status if run["run"] == name), None)
        if record is None:
            find(f"run {name} is unknown")
            continue
        folder = f"{site}/runs/{name}"
        expect(record["state"] == "sealed", f"{name} is {record['state']}")
        expect(record["outstanding"] == 0, f"{name}: {record['outstanding']} in hand")
        expect(record["released"] == count, f"{name}: {record['released']} released of {count}")
        settled = record["released"] + record["scrapped"] + record["burned"]
        expect(record["reserved"] == settled, f"{name}: {record['reserved']} reserved, {settled} settled")
        expect(record["reserved"] <= record["quantity"] + record["spoilage"], f"{name}: over its allowance")

        lines = packages_of(folder + "/packages")
        expect([line["row"] for line in lines] == list(range(count)), f"{name}: not every row once, in order")
        serials = ["EX-%08d" % number for number in range(first, first + count)]
        expect([line["serial"] for line in lines] == serials, f"{name}: other serials than its list's")

        opening = [i for i, entry in enumerate(entries) if entry[1] == OPEN_RUN and entry[2] == name]
        seal = [i for i, entry in enumerate(entries) if entry[1] == SEAL and entry[2] == name]
        if not expect(len(opening) == len(seal) == 1, f"{name}: {len(opening)} openings, {len(seal)} seals"):
            continue
        authorisation = entries[opening[0]][4]
        with open(f"{site}/log/authorisations/{authorisation.hex()}.p7s", "rb") as file:
            expect(hashlib.sha256(file.read()).digest() == authorisation, f"{name}: another authorisation")
        fields = entries[seal[0]]
        books = [record[key] for key in ("reserved", "released", "scrapped", "burned")]
        expect([fields[key] for key in (4, 5, 6, 7)] == books, f"{name}: seal {fields}, ledger {books}")
        expect(fields[10] >= entries[opening[0]][10], f"{name}: sealed before it was opened")
        revoked = [entry[6] for entry in entries if entry[1] == REVOKE and entry[2] == name and 6 in entry]
        expect(len(revoked) == record["burned"], f"{name}: {len(revoked)} burned revocations")
        digest = hashlib.sha256(b"".join(sorted(revoked))).digest()
        expect(fields[8] == digest, f"{name}: the seal's digest of what is burned is another")
        burned += revoked

        for line in lines:
            der = base64.b64decode(line["certificate"])
            certificate = x509.load_der_x509_certificate(der)
            key = spki(certificate.public_key())
            where = f"{name} row {line['row']}"
            entry = adds[position] if position < len(adds) else {}
            position += 1
            expect(entry.get(2) == name and entry.get(4) == line["serial"], f"{where}: not the log's next device")
            expect(entry.get(5) == hashlib.sha256(key).digest(), f"{where}: another key in the log")
            expect(entry.get(6) == hashlib.sha256(der).digest(), f"{where}: another certificate in the log")
            number = content_octets(certificate.serial_number)
            expect(entry.get(7) == number, f"{where}: another certificate serial number in the log")
            named = certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
            expect([name.value for name in named] == [line["serial"]], f"{where}: a certificate for {named}")
            try:
                issuer.public_key().verify(
                    certificate.signature, certificate.tbs_certificate_bytes,
                    ec.ECDSA(certificate.signature_hash_algorithm),
                )
            except InvalidSignature:
                find(f"{where}: the issuing CA did not sign it")
            try:
                opened = station.open(folder, line)
                expect(spki(opened.public_key()) == key, f"{where}: the wrapped key is another's")
            except Exception as error:  # Whatever it is, the device cannot be programmed.
                find(f"{where}: the wrapped key does not open: {error!r}")
            devices.append((line["serial"], number, key, der, line["wrappedKey"]))

    expect(position == len(adds), f"{len(adds)} devices in the log, {position} in packages")
    once([device[0] for device in devices], "serial")
    numbers = once([device[1] for device in devices], "certificate serial number")
    once([device[2] for device in devices], "key")
    once([device[3] for device in devices], "certificate")
    once([device[4] for device in devices], "wrapped key")
    lost = once(burned, "burned certificate")
    expect(not lost & numbers, "a released certificate is burned")
    for text in findings[:20]:
        print(text)
    if len(findings) > 20:
        print(f"{len(findings) - 20} more")


main(*sys.argv[1:])
