"""Certificates and revocation lists: what was to be signed, and the signature over it (RFC 5280 §4.1, §5.1)."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .kinds import octets_of
from .refusal import Fault, require

# The AlgorithmIdentifiers that are known, in DER: ECDSA has no parameters (RFC 5758 §3.2), RSA has
# NULL (RFC 4055 §5).
_ECDSA = {
    "300a06082a8648ce3d040302": hashes.SHA256(),
    "300a06082a8648ce3d040303": hashes.SHA384(),
    "300a06082a8648ce3d040304": hashes.SHA512(),
}
_RSA = {
    "300d06092a864886f70d01010b0500": hashes.SHA256(),
    "300d06092a864886f70d01010c0500": hashes.SHA384(),
    "300d06092a864886f70d01010d0500": hashes.SHA512(),
}

_UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)


def _element(data: bytes, start: int) -> tuple[int, int]:
    """Where the contents and the end of the DER element at `start` are. ValueError."""
    if start + 2 > len(data):
        raise ValueError("cut short")
    length, contents = data[start + 1], start + 2
    if length >= 0x80:
        octets = length & 0x7F
        length = int.from_bytes(data[contents : contents + octets], "big")
        if not 1 <= octets <= 4 or length < 0x80 or length.bit_length() <= 8 * (octets - 1):
            raise ValueError("a length that is not DER")
        contents += octets
    if contents + length > len(data):
        raise ValueError("cut short")
    return contents, contents + length


class Signed:
    """SEQUENCE { to be signed, AlgorithmIdentifier, BIT STRING }, sliced from the received octets. ValueError."""

    def __init__(self, data: bytes):
        position, end = _element(data, 0)
        parts = []
        while position < end:
            _, after = _element(data, position)
            parts.append(data[position:after])
            position = after
        if data[0] != 0x30 or end != len(data) or [part[0] for part in parts] != [0x30, 0x30, 0x03]:
            raise ValueError("not a signed SEQUENCE in DER")
        contents, _ = _element(parts[2], 0)
        if parts[2][contents : contents + 1] != b"\0":
            raise ValueError("a signature with unused bits")
        self.to_be_signed, self.algorithm = parts[0], parts[1].hex()
        self.signature = parts[2][contents + 1 :]

    def require_signature(self, key: object, what: str) -> None:
        try:
            if isinstance(key, ec.EllipticCurvePublicKey) and self.algorithm in _ECDSA:
                key.verify(self.signature, self.to_be_signed, ec.ECDSA(_ECDSA[self.algorithm]))
            elif isinstance(key, rsa.RSAPublicKey) and self.algorithm in _RSA:
                key.verify(self.signature, self.to_be_signed, padding.PKCS1v15(), _RSA[self.algorithm])
            else:
                raise Fault("certificate", f"{what} is signed with an algorithm that is not known or not its issuer's")
        except InvalidSignature:
            raise Fault("certificate", f"the signature of {what} does not verify with its issuer's key") from None


def check_certificate_intent(intent: dict) -> None:
    """Fault `certificate`."""
    _check_to_be_signed(intent)
    require(
        "issuerCertificate" in intent or intent["issuerKey"] == intent["subjectKey"], "certificate",
        "no `issuerCertificate`, though another key is the issuer's",
    )


def check_crl_intent(intent: dict) -> None:
    """Fault `certificate`."""
    _check_to_be_signed(intent)
    if "previousNumber" in intent:
        require(
            intent["number"] == intent["previousNumber"] + 1, "certificate",
            "`number` is not one more than `previousNumber`",
        )


def check_certificate(intent: dict, effect: dict, observed: dict, made: dict[str, str]) -> None:
    """Fault `certificate`; `made` are the public keys, in base64, that this transcript made, by label."""
    certificate, signed = _certificate(observed["certificate"], "certificate")
    _check_octets(intent, effect, observed["certificateDigest"], observed["certificate"], signed, "the certificate")
    key = _key(certificate, "the certificate")
    subject = made.get(intent["subjectKey"])
    require(subject is not None, "certificate", f"{intent['subjectKey']} is no key that was made here")
    require(_same(key, subject), "certificate", f"the certificate's key is not {intent['subjectKey']}")
    issuer = key
    if "issuerCertificate" in intent:
        issuer = _key(_certificate(intent["issuerCertificate"], "issuerCertificate")[0], "issuerCertificate")
    signed.require_signature(issuer, "the certificate")
    try:
        said = {
            "certificateSerial": (int(intent["certificateSerial"], 16), certificate.serial_number),
            "notBefore": (intent["notBefore"], _time(certificate.not_valid_before_utc)),
            "notAfter": (observed["notAfter"], _time(certificate.not_valid_after_utc)),
        }
    except ValueError:
        raise Fault("certificate", "the certificate's serial number or times cannot be read") from None
    _require_said(said, "the certificate")


def check_crl(intent: dict, effect: dict, observed: dict) -> None:
    """Fault `certificate`."""
    octets = octets_of(observed["crl"], "crl")
    try:
        signed, crl = Signed(octets), x509.load_der_x509_crl(octets)
        if crl.tbs_certlist_bytes != signed.to_be_signed:
            raise ValueError("not DER throughout")
    except _UNREADABLE as error:
        raise Fault("certificate", f"the CRL cannot be read: {error}") from None
    _check_octets(intent, effect, observed["crlDigest"], observed["crl"], signed, "the CRL")
    issuer = _key(_certificate(intent["issuerCertificate"], "issuerCertificate")[0], "issuerCertificate")
    signed.require_signature(issuer, "the CRL")
    try:
        revoked = sorted((entry.serial_number, _time(entry.revocation_date_utc)) for entry in crl)
        said = {
            "number": (intent["number"], crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number),
            "thisUpdate": (intent["thisUpdate"], _time(crl.last_update_utc)),
            "nextUpdate": (intent["nextUpdate"], _time(crl.next_update_utc)),
            "revoked": (sorted((int(e["certificateSerial"], 16), e["revokedAt"]) for e in intent["revoked"]), revoked),
        }
    except (*_UNREADABLE, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise Fault("certificate", "the CRL's number, times or entries cannot be read") from None
    _require_said(said, "the CRL")


def _check_to_be_signed(intent: dict) -> None:
    require(
        hashlib.sha256(octets_of(intent["toBeSigned"], "toBeSigned")).hexdigest() == intent["toBeSignedDigest"],
        "certificate", "`toBeSigned` does not hash to `toBeSignedDigest`",
    )


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _require_said(said: dict[str, tuple], what: str) -> None:
    for name, (line, own) in said.items():
        require(line == own, "certificate", f"`{name}` is not what {what} has")


def _check_octets(intent: dict, effect: dict, digest: str, text: str, signed: Signed, what: str) -> None:
    require(
        hashlib.sha256(octets_of(text, what)).hexdigest() == digest, "certificate", f"{what} has another digest"
    )
    require(
        signed.to_be_signed == octets_of(intent["toBeSigned"], "toBeSigned"), "certificate",
        f"{what} does not contain the octets of the intent",
    )
    require(
        signed.signature == octets_of(effect["signature"], "signature"), "certificate", f"{what} has another signature"
    )


def _certificate(text: str, place: str) -> tuple[x509.Certificate, Signed]:
    octets = octets_of(text, place)
    try:
        signed, certificate = Signed(octets), x509.load_der_x509_certificate(octets)
        if certificate.tbs_certificate_bytes != signed.to_be_signed:
            raise ValueError("not DER throughout")
    except _UNREADABLE as error:
        raise Fault("certificate", f"`{place}` is no certificate: {error}") from None
    return certificate, signed


def _key(certificate: x509.Certificate, what: str) -> object:
    try:
        return certificate.public_key()
    except _UNREADABLE as error:
        raise Fault("certificate", f"the public key of {what} cannot be read: {error}") from None


def _same(key: object, text: str) -> bool:
    def der(public_key: object) -> bytes:
        return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    return der(key) == octets_of(text, "subjectPublicKeyInfo")
