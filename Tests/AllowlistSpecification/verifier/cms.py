"""CMS SignedData (RFC 5652): the log key's detached signature (Pins, "The log key's CMS signature"), and the messages
of approvers and countersigners (Authorisation, "The message").

Each is read with every octet accounted for: fixed, signed, or a signature in its one form. That is the same as writing
its values again and comparing.
"""

import hashlib
from dataclasses import dataclass

import der
import keys
from der import SEQUENCE, SET, Element
from tree import sha256

SIGNED_DATA, DATA = der.oid("1.2.840.113549.1.7.2"), der.oid("1.2.840.113549.1.7.1")
CONTENT_TYPE, MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.3"), der.oid("1.2.840.113549.1.9.4")
SIGNING_TIME, CAPABILITIES = der.oid("1.2.840.113549.1.9.5"), der.oid("1.2.840.113549.1.9.15")
APPROVALS = der.oid("2.25.318704569364525730931175031618716386195")
SUBJECT_KEY_IDENTIFIER = der.oid("2.5.29.14")
_NULL = b"\x05\x00"
_ECDSA = {
    "P-256": der.encode(SEQUENCE, der.oid("1.2.840.10045.4.3.2")),
    "P-384": der.encode(SEQUENCE, der.oid("1.2.840.10045.4.3.3")),
}
_HASH_OID = {"P-256": der.oid("2.16.840.1.101.3.4.2.1"), "P-384": der.oid("2.16.840.1.101.3.4.2.2")}
_HASH = {"P-256": hashlib.sha256, "P-384": hashlib.sha384}


def _need(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def _version(element: Element, *allowed: int) -> None:
    _need(element.tag == der.INTEGER and element.content in [bytes([v]) for v in allowed], "another version")


def _attributes(element: Element) -> dict[bytes, Element]:
    """signedAttrs: in the order of DER, each once with one value."""
    attributes = element.expect(0xA0).children()
    der.check_sorted(attributes)
    result = {}
    for attribute in attributes:
        kind, values = attribute.expect(SEQUENCE).children()
        (value,) = values.expect(SET).children()
        _need(kind.whole not in result, "an attribute twice")
        result[kind.whole] = value
    _need({CONTENT_TYPE, SIGNING_TIME, MESSAGE_DIGEST} <= set(result), "an attribute is missing")
    _need(result[CONTENT_TYPE].whole == DATA, "another content type")
    return result


def _content_info(octets: bytes) -> list[Element]:
    kind, wrapped = der.one(octets, SEQUENCE).children()
    _need(kind.whole == SIGNED_DATA, "no SignedData")
    (signed_data,) = wrapped.expect(0xA0).children()
    return signed_data.expect(SEQUENCE).children()


@dataclass
class Certificate:
    spki: bytes
    issuer_and_serial: bytes
    subject_key_identifier: bytes | None
    tbs: bytes
    inner_algorithm: bytes
    outer_algorithm: bytes
    signature: bytes


def certificate(octets: bytes) -> Certificate:
    """The parts of an X.509 certificate (RFC 5280 §4.1) that are asked for. ValueError where it is none."""
    tbs, algorithm, signature = der.one(octets, SEQUENCE).children()
    _need(signature.expect(der.BIT_STRING).content[:1] == b"\0", "a signature with unused bits")
    parts = tbs.expect(SEQUENCE).children()
    if parts and parts[0].tag == 0xA0:
        parts = parts[1:]
    _need(len(parts) >= 6, "a certificate without its parts")
    serial, inner, issuer, _, _, spki = parts[:6]
    identifier = None
    for extensions in (part for part in parts[6:] if part.tag == 0xA3):
        (sequence,) = extensions.children()
        for extension in sequence.expect(SEQUENCE).children():
            pieces = extension.expect(SEQUENCE).children()
            if pieces[0].whole == SUBJECT_KEY_IDENTIFIER:
                identifier = der.one(pieces[-1].expect(der.OCTET_STRING).content, der.OCTET_STRING).content
    return Certificate(
        spki.whole, der.encode(SEQUENCE, issuer.whole + serial.expect(der.INTEGER).whole), identifier, tbs.whole,
        inner.whole, algorithm.whole, signature.content[1:],
    )


def detached(octets: bytes, content: bytes, log_key: bytes) -> int:
    """The signingTime of the log key's signature over `content`. ValueError where anything is otherwise."""
    version, algorithms, encapsulated, certificates, infos = _content_info(octets)
    _version(version, 1)
    (algorithm,) = algorithms.expect(SET).children()
    _need(algorithm.whole in [der.encode(SEQUENCE, _HASH_OID["P-256"] + end) for end in (b"", _NULL)], "not SHA-256")
    _need(encapsulated.whole == der.encode(SEQUENCE, DATA), "not detached data")
    (one,) = certificates.expect(0xA0).children()
    signer = certificate(one.whole)
    _need(signer.spki == log_key, "the certificate is of another key")
    _need(signer.inner_algorithm == signer.outer_algorithm == _ECDSA["P-256"], "the certificate's algorithm")
    _need(keys.ecdsa_verifies(log_key, signer.signature, signer.tbs), "its own key has not signed the certificate")
    (info,) = infos.expect(SET).children()
    version, sid, digest_algorithm, attributes, signature_algorithm, signature = info.expect(SEQUENCE).children()
    _version(version, 1)
    _need(sid.whole == signer.issuer_and_serial, "the sid is not that of the certificate")
    _need(digest_algorithm.whole == algorithm.whole, "another digest algorithm")
    _need(signature_algorithm.whole == _ECDSA["P-256"], "another signature algorithm")
    found = _attributes(attributes)
    known = {CONTENT_TYPE, SIGNING_TIME, MESSAGE_DIGEST, CAPABILITIES}
    _need(set(found) <= known, "an attribute that may not be there")
    _need(found[MESSAGE_DIGEST].expect(der.OCTET_STRING).content == sha256(content), "the digest of another content")
    signed = bytes([SET]) + attributes.whole[1:]
    _need(keys.ecdsa_verifies(log_key, signature.expect(der.OCTET_STRING).content, signed), "it does not verify")
    return der.time(found[SIGNING_TIME])


@dataclass
class Signer:
    """A SignerInfo of a message: `sid` the digest of the signer's key, `approvals` the countersigner's attribute."""

    sid: bytes
    whole: bytes
    signed: bytes
    digest: bytes
    digest_algorithm: bytes
    signature: bytes
    signature_algorithm: bytes
    approvals: bytes | None

    def verifies(self, spki: bytes, content: bytes) -> bool:
        """By this key, with the algorithms of its curve, s <= n/2."""
        name = keys.curve(spki)
        return (
            name is not None and self.sid == sha256(spki) and self.signature_algorithm == _ECDSA[name]
            and self.digest_algorithm == der.encode(SEQUENCE, _HASH_OID[name])
            and self.digest == _HASH[name](content).digest()
            and keys.ecdsa_verifies(spki, self.signature, self.signed, low=True)
        )


@dataclass
class Message:
    content: bytes
    signers: list[Signer]

    def approvals_digest(self) -> bytes:
        """SHA-256 of the SET OF the approvers' SignerInfos as they stand."""
        return sha256(der.encode(SET, b"".join(s.whole for s in self.signers if s.approvals is None)))


def message(octets: bytes) -> Message:
    """A message in its one form. ValueError otherwise. No signature is verified here."""
    version, algorithms, encapsulated, infos = _content_info(octets)
    kind, wrapped = encapsulated.expect(SEQUENCE).children()
    (content,) = wrapped.expect(0xA0).children()
    _need(kind.whole == DATA, "not data")
    elements = infos.expect(SET).children()
    der.check_sorted(elements)
    _version(version, 3 if elements else 1)
    signers = [_signer(element) for element in elements]
    declared = algorithms.expect(SET).children()
    der.check_sorted(declared)
    names = [algorithm.whole for algorithm in declared]
    _need(len(set(names)) == len(names) and set(names) == {s.digest_algorithm for s in signers}, "digestAlgorithms")
    return Message(content.expect(der.OCTET_STRING).content, signers)


def _signer(element: Element) -> Signer:
    version, sid, digest_algorithm, attributes, algorithm, signature = element.expect(SEQUENCE).children()
    _version(version, 3)
    _need(sid.tag == 0x80 and len(sid.content) == 32, "a sid that is no SHA-256")
    curves = [name for name in _ECDSA if algorithm.whole == _ECDSA[name]]
    _need(curves, "another signature algorithm")
    name = curves[0]
    _need(digest_algorithm.whole == der.encode(SEQUENCE, _HASH_OID[name]), "another digest algorithm")
    found = _attributes(attributes)
    _need(set(found) <= {CONTENT_TYPE, SIGNING_TIME, MESSAGE_DIGEST, APPROVALS}, "an attribute that may not be there")
    der.time(found[SIGNING_TIME])
    digest = found[MESSAGE_DIGEST].expect(der.OCTET_STRING).content
    _need(len(digest) == _HASH[name]().digest_size, "a digest of another length")
    approvals = found[APPROVALS].expect(der.OCTET_STRING).content if APPROVALS in found else None
    _need(approvals is None or len(approvals) == 32, "an attribute `approvals` of another length")
    value = signature.expect(der.OCTET_STRING).content
    keys.check_low(value, name)
    return Signer(
        sid.content, element.whole, bytes([SET]) + attributes.whole[1:], digest, digest_algorithm.whole, value,
        algorithm.whole, approvals,
    )
