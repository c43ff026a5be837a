"""Certificates and revocation lists: what was to be signed, and the signature over it (RFC 5280 §4.1, §5.1)."""

import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

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


def check_to_be_signed(intent: dict) -> None:
    octets = octets_of(intent["toBeSigned"], "toBeSigned")
    require(
        hashlib.sha256(octets).hexdigest() == intent["toBeSignedDigest"], "certificate",
        "`toBeSigned` does not hash to `toBeSignedDigest`",
    )
    if "issuerCertificate" in intent:
        _certificate(intent["issuerCertificate"], "issuerCertificate")


def check_certificate(intent: dict, observed: dict, made: dict[str, str]) -> list[str]:
    """Fault `certificate`; `made` are the public keys, in base64, that this transcript made, by label. Remarks."""
    certificate, signed = _certificate(observed["certificate"], "certificate")
    _check_octets(intent, observed["certificateDigest"], observed["certificate"], signed, "the certificate")
    key = _key(certificate, "the certificate")
    subject = made.get(intent["subjectKey"])
    if subject is not None:
        require(_same(key, subject), "certificate", f"the certificate's key is not {intent['subjectKey']}")
    remarks = []
    if "issuerCertificate" in intent:
        issuer = _key(_certificate(intent["issuerCertificate"], "issuerCertificate")[0], "issuerCertificate")
        issuer_made = made.get(intent["issuerKey"])
        if issuer_made is not None and not _same(issuer, issuer_made):
            remarks.append("the issuer's certificate has another key than the one made here as `issuerKey`")
    else:
        issuer = key
        if intent["issuerKey"] != intent["subjectKey"]:
            remarks.append("no `issuerCertificate`, though `issuerKey` is not `subjectKey`")
    signed.require_signature(issuer, "the certificate")
    return remarks + _certificate_remarks(certificate, intent, observed)


def check_crl(intent: dict, observed: dict) -> list[str]:
    """Fault `certificate`. Remarks."""
    octets = octets_of(observed["crl"], "crl")
    try:
        signed, crl = Signed(octets), x509.load_der_x509_crl(octets)
        require(crl.tbs_certlist_bytes == signed.to_be_signed, "certificate", "the CRL is not DER throughout")
    except _UNREADABLE as error:
        raise Fault("certificate", f"the CRL cannot be read: {error}") from None
    _check_octets(intent, observed["crlDigest"], observed["crl"], signed, "the CRL")
    issuer = _key(_certificate(intent["issuerCertificate"], "issuerCertificate")[0], "issuerCertificate")
    signed.require_signature(issuer, "the CRL")
    remarks = []
    try:
        in_crl = sorted(entry.serial_number for entry in crl)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        if number != intent["number"]:
            remarks.append(f"the CRL's own number is {number}")
    except (*_UNREADABLE, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ["the CRL's number or entries cannot be read"]
    if in_crl != sorted(int(entry["certificateSerial"], 16) for entry in intent["revoked"]):
        remarks.append("the CRL revokes other serial numbers than `revoked` says")
    return remarks


def _check_octets(intent: dict, digest: str, text: str, signed: Signed, what: str) -> None:
    require(
        hashlib.sha256(octets_of(text, what)).hexdigest() == digest, "certificate", f"{what} has another digest"
    )
    require(
        signed.to_be_signed == octets_of(intent["toBeSigned"], "toBeSigned"), "certificate",
        f"{what} does not contain the octets of the intent",
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

    return der(key) == der(load_der_public_key(octets_of(text, "subjectPublicKeyInfo")))


def _certificate_remarks(certificate: x509.Certificate, intent: dict, observed: dict) -> list[str]:
    def time(moment: object) -> str:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    try:
        said = [
            ("certificateSerial", int(intent["certificateSerial"], 16), certificate.serial_number),
            ("notBefore", observed["notBefore"], time(certificate.not_valid_before_utc)),
            ("notAfter", observed["notAfter"], time(certificate.not_valid_after_utc)),
        ]
    except ValueError:
        return ["the certificate's serial number or dates cannot be read"]
    return [f"`{name}` is not what the certificate has" for name, line, own in said if line != own]
