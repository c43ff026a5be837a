/// The short ceremony that the transcript vectors are made of.
let vectorScript = """
    version: 1
    id: vector
    kind: generate-signer
    title: A short ceremony for vectors
    cp: none
    roles: { ceremony-administrator: 1, crypto-officer: 1, external-witness: 1, share-holder: 2 }
    conflicts:
      - [ceremony-administrator, crypto-officer]
      - [crypto-officer, external-witness]
    quorum: { role: share-holder, needed: 2 }
    materials: { tokens: [authority] }
    steps:
      - { id: ready, do: check, actor: external-witness, witnesses: [crypto-officer], minutes: 1, onFailure: exception, text: Is everybody ready? }
      - { id: split, do: split, actor: crypto-officer, witnesses: [external-witness], minutes: 5, irreversible: true, token: authority, holders: share-holder, needed: 2, delivery: credential, text: Split. }
      - { id: open, do: collect-shares, actor: crypto-officer, witnesses: [external-witness], minutes: 1, token: authority, text: Open. }
      - { id: before, do: inventory, actor: ceremony-administrator, minutes: 1, token: authority, text: List. }
      - id: generate
        do: generate-key
        actor: crypto-officer
        witnesses: [external-witness]
        minutes: 1
        irreversible: true
        key: { role: run-authority, name: authority, type: P-256, backup: none, sessionCopies: false, token: authority }
        text: Generate.
      - { id: verify, do: verify-key, actor: ceremony-administrator, witnesses: [external-witness], minutes: 1, key: authority, text: Verify. }
      - { id: read-key, do: read-out, actor: ceremony-administrator, witnesses: [external-witness], minutes: 1, of: key, key: authority, text: Read. }
      - id: certify
        do: sign-certificate
        actor: crypto-officer
        witnesses: [external-witness]
        minutes: 1
        irreversible: true
        certificate:
          template: signer
          subjectKey: authority
          issuer: self
          values: { organization: Example Devices, role: Run Authority, name: Example Run Authority }
        text: Certify.
      - { id: compare-key, do: compare, actor: external-witness, witnesses: [ceremony-administrator], minutes: 1, of: key, key: authority, onFailure: exception, text: Compare. }
      - { id: after, do: inventory, actor: ceremony-administrator, minutes: 1, token: authority, text: List. }
      - { id: closing, do: sign-off, actor: ceremony-administrator, witnesses: [crypto-officer, external-witness], minutes: 1, text: Sign. }

    """
