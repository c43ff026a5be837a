"""The effects of the tests' transcripts, each as the lines of its intent, effect and observation."""

import base64

from transcript import canonical
from transcript_builder import (
    VERIFIED, ZERO, Ceremony, attributes, der, probes, restored, sha, spki, text,
)


def octets(base64_text: str) -> bytes:
    return base64.b64decode(base64_text)


def login(c: Ceremony, opened: str = "pin-source", holders: tuple = (), token: str = "root") -> None:
    c.within("intent", effect="login", token=token)
    for name in holders:
        c.within("share-presented", set="51", name=name)
    c.within(
        "observed", effect="login", moduleDigest=ZERO, opened=opened, holders=list(holders), token={
            "name": token, "tokenLabel": token.capitalize(), "serial": "S" + token, "manufacturer": "m", "model": "m",
            "firmware": "1", "hardware": "1", "activation": "quorum", "certification": "none", "mode": "",
            "library": {"manufacturer": "m", "description": "d", "version": "1.0", "cryptoki": "2.40"},
        },
    )


def generate_intent(c: Ceremony, backup: str = "none", copies: bool = False) -> None:
    c.within(
        "intent", effect="generate-key", token="root", label="ca", keyType="EC P-256", keyID="0a", backup=backup,
        sessionCopies=copies, objects=[],
    )


def generate_effect(c: Ceremony, key: object, **more: object) -> None:
    c.within("effect", effect="generate-key", label="ca", keyID="0a", subjectPublicKeyInfo=spki(key), **more)


def generate_observed(c: Ceremony, backup: str = "none", copies: bool = False) -> None:
    tried = ("read", "wrap") if copies else ("read", "wrap", "copy")
    c.within(
        "observed", effect="generate-key", label="ca", attributes=attributes(backup, copies), probes=probes(*tried),
        testSignature=VERIFIED, attestation="none",
    )


def generate(c: Ceremony, key: object, backup: str = "none", copies: bool = False) -> None:
    generate_intent(c, backup, copies)
    generate_effect(c, key)
    generate_observed(c, backup, copies)


def test_signature(c: Ceremony, **more: object) -> None:
    c.within("intent", effect="test-signature", label="ca")
    c.within(
        "observed", effect="test-signature", label="ca",
        attributes=more.get("attributes", attributes(more.get("backup", "none"))),
        testSignature=VERIFIED,
    )


def certify(c: Ceremony, made: object, issuer: object = None, subject: str = "ca", issuer_label: str = "ca") -> None:
    tbs = made.tbs_certificate_bytes
    c.within(
        "intent", effect="sign-certificate", subjectKey=subject, issuerKey=issuer_label, template="t",
        templateDigest=ZERO, values={"organization": "O"}, certificateSerial="1f", notBefore="2031-05-04T00:00:00Z",
        toBeSigned=text(tbs), toBeSignedDigest=sha(tbs),
        **({"issuerCertificate": text(der(issuer))} if issuer else {}),
    )
    c.within("effect", effect="sign-certificate", toBeSignedDigest=sha(tbs), signature=text(made.signature))
    c.within(
        "observed", effect="sign-certificate", certificate=text(der(made)), certificateDigest=sha(der(made)),
        toBeSignedDigest=sha(tbs), notBefore="2031-05-04T00:00:00Z", notAfter="2061-05-04T00:00:00Z",
        subject="CN=CA", verification=VERIFIED,
    )


def sign_crl(c: Ceremony, made: object, issuer: object) -> None:
    tbs = made.tbs_certlist_bytes
    c.within(
        "intent", effect="sign-crl", issuerKey="ca", issuerCertificate=text(der(issuer)), number=3, previousNumber=2,
        thisUpdate="2031-05-04T00:00:00Z", nextUpdate="2031-08-04T00:00:00Z",
        revoked=[{"certificateSerial": "2a", "revokedAt": "2031-01-01T00:00:00Z", "reason": "unspecified"}],
        toBeSigned=text(tbs), toBeSignedDigest=sha(tbs),
    )
    c.within("effect", effect="sign-crl", toBeSignedDigest=sha(tbs), signature=text(made.signature))
    c.within(
        "observed", effect="sign-crl", crl=text(der(made)), crlDigest=sha(der(made)), toBeSignedDigest=sha(tbs),
        number=3, verification=VERIFIED,
    )


def wrap(c: Ceremony, key: object) -> None:
    c.within(
        "intent", effect="wrap", token="root", label="ca", to="spare", keyID="0a", subjectPublicKeyInfo=spki(key),
        wrappingKey=ZERO,
    )
    c.within(
        "effect", effect="wrap", label="ca", wrappedKey="AA==", wrappedTransportKey="AQ==", mechanism="AES-KWP",
    )
    c.within("observed", effect="wrap", label="ca", fileDigest=ZERO, path="backups/ca")


def unwrap(c: Ceremony, key: object) -> None:
    c.within("intent", effect="unwrap", token="spare", label="ca", keyID="0a", fileDigest=ZERO)
    c.within("effect", effect="unwrap", label="ca", keyID="0a", subjectPublicKeyInfo=spki(key))
    c.within(
        "observed", effect="unwrap", label="ca", attributes=restored(), testSignature=VERIFIED, policy="restored",
    )


def destroy(c: Ceremony, key: object) -> None:
    c.within(
        "intent", effect="destroy", token="root", label="ca", keyID="0a", subjectPublicKeyInfo=spki(key),
        copies=[{"where": "spare", "disposition": "kept"}],
    )
    c.within("effect", effect="destroy", label="ca")
    c.within("observed", effect="destroy", label="ca", objects=[{"kind": "key", "label": "other", "keyID": "0b"}])


def enrol(c: Ceremony, name: str, key: object, share_key: object) -> None:
    c.within(
        "intent", effect="enrol-credential", name=name, token={"serial": "D", "tokenLabel": name},
        keyIDs=["01", "02"],
    )
    c.within(
        "effect", effect="enrol-credential", name=name, signingKey=spki(key), shareKey=spki(share_key),
    )
    c.within("observed", effect="enrol-credential", name=name, attributes=[], probes=[])


def sign_roster(c: Ceremony, document: dict) -> None:
    c.within("intent", effect="sign-roster", statement=document["statement"])
    c.within("observed", effect="sign-roster", roster=document, rosterDigest=canonical.digest(document))


def split(c: Ceremony, holders: tuple = ("Bo", "Cy", "Di"), needed: int = 2, count: int = 3) -> None:
    c.within(
        "shares", token="root", set="51", needed=needed, delivery="screen", holders=[{"name": n} for n in holders],
    )
    for name in holders:
        c.within("share-read-back", set="51", name=name)
    c.within("quorums-tested", set="51", count=count)
    c.within("intent", effect="set-activation", token="root", set="51", needed=needed, holders=list(holders))
    c.within("effect", effect="set-activation", token="root", set="51")
    c.within("observed", effect="set-activation", token="root", set="51", answer="ok")
