"""`make bench`'s peer in Python: python-pkcs11 and cryptography doing what one worker of a run does.

For each device: an EC P-256 key pair as session objects, a certificate with the extensions of the IDevID
template, signed by the issuing key in the token, the private key out under AES key wrap with padding
(RFC 5649), and a line of JSON with both. It makes them in as many processes as there are cores, each with a
session copy of the issuing key. Start-up and login are not counted. No ledger, no log, no checks, no durable
writes: less than a run does.

    python_pkcs11_peer.py MODULE TOKEN PIN-FILE ISSUER-LABEL ISSUER-PEM OUT-FOLDER PROCESSES DEVICES

Prints the devices a second.
"""

import base64
import datetime
import json
import multiprocessing
import sys
import time

import pkcs11
from asn1crypto.core import ObjectIdentifier, OctetString, Sequence
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)


class HardwareModuleName(Sequence):
    """RFC 4108 section 5."""

    _fields = [("type", ObjectIdentifier), ("serial", OctetString)]


class TokenSigner(ec.EllipticCurvePrivateKey):
    """The issuing key as cryptography wants one; it signs in the token."""

    def __init__(self, key, public):
        self.key, self.public = key, public

    curve = property(lambda self: self.public.curve)
    key_size = property(lambda self: self.public.key_size)

    def sign(self, data, signature_algorithm):
        digest = hashes.Hash(signature_algorithm.algorithm)
        digest.update(data)
        raw = self.key.sign(digest.finalize(), mechanism=Mechanism.ECDSA)
        half = len(raw) // 2
        return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def public_key(self):
        return self.public

    def exchange(self, algorithm, peer_public_key):
        raise NotImplementedError

    def private_numbers(self):
        raise NotImplementedError

    def private_bytes(self, encoding, format, encryption_algorithm):
        raise NotImplementedError

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def certificate(serial, issuer, authority, point, signer, now):
    name = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Manufacturing"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Example Sensor"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, serial),
    ])
    module = HardwareModuleName({"type": "1.3.6.1.4.1.99999.1.1", "serial": serial.encode()}).dump()
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    return (
        x509.CertificateBuilder(
            issuer, name, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point),
            x509.random_serial_number(), now, END)
        .add_extension(usage, critical=True)
        .add_extension(authority, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.OtherName(HARDWARE_MODULE_NAME, module)]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def make(arguments, index, devices, login_lock, start_line, times):
    module, token_label, pin_file, issuer_label, issuer_pem, folder = arguments
    pin = open(pin_file).read().strip()
    # One after another: processes that log in together break SoftHSM's token file.
    with login_lock:
        session = pkcs11.lib(module).get_token(token_label=token_label).open(user_pin=pin)
    issuer = x509.load_pem_x509_certificate(open(issuer_pem, "rb").read())
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=issuer_label)
    signer = TokenSigner(key.copy({Attribute.TOKEN: False}), issuer.public_key())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    transport = session.generate_key(KeyType.AES, 256, store=False, template={
        Attribute.SENSITIVE: True, Attribute.WRAP: True, Attribute.UNWRAP: False, Attribute.ENCRYPT: False,
        Attribute.DECRYPT: False, Attribute.SIGN: False, Attribute.VERIFY: False, Attribute.DERIVE: False})
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
    public_template = {
        Attribute.PRIVATE: False, Attribute.VERIFY: True, Attribute.ENCRYPT: False, Attribute.WRAP: False,
        Attribute.DERIVE: False}
    private_template = {
        Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: True, Attribute.SIGN: True,
        Attribute.DECRYPT: False, Attribute.UNWRAP: False, Attribute.DERIVE: False}
    now = datetime.datetime.now(datetime.timezone.utc)
    with open(f"{folder}/{index}.jsonl", "w") as package:
        start_line.wait()
        begun = time.monotonic()
        for number in range(devices):
            serial = f"PEER-{index}-{number}"
            public, private = parameters.generate_keypair(
                store=False, public_template=public_template, private_template=private_template)
            point = OctetString.load(public[Attribute.EC_POINT]).native
            made = certificate(serial, issuer.subject, authority, point, signer, now)
            wrapped = transport.wrap_key(private, mechanism=Mechanism.AES_KEY_WRAP_PAD)
            private.destroy()
            public.destroy()
            package.write(json.dumps({
                "serial": serial, "certificate": base64.b64encode(made.public_bytes(Encoding.DER)).decode(),
                "wrappedKey": base64.b64encode(wrapped).decode()}) + "\n")
    times.put((begun, time.monotonic()))


def main():
    arguments, processes, devices = sys.argv[1:7], int(sys.argv[7]), int(sys.argv[8])
    each = devices // processes
    context = multiprocessing.get_context("fork")
    lock, line, times = context.Lock(), context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=make, args=(arguments, index, each, lock, line, times)) for index in range(processes)]
    for worker in workers:
        worker.start()
    spans = [times.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    seconds = max(end for _, end in spans) - min(begun for begun, _ in spans)
    print(f"{each * processes / seconds:.1f}")


main()
