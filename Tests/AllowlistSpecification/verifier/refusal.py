"""Why a bundle, a receipt or a proof is refused."""


class Refused(Exception):
    """Refused under `code`, one of the specification's, with the file and the entry's index where these are known."""

    def __init__(self, code: str, reason: str, file: str | None = None, index: int | None = None):
        place = "".join([f" {file}" if file else "", f" entry {index}" if index is not None else ""])
        super().__init__(f"{code}{place}: {reason}")
        self.code = code
        self.reason = reason
        self.file = file
        self.index = index


def require(condition: object, code: str, reason: str, file: str | None = None, index: int | None = None) -> None:
    if not condition:
        raise Refused(code, reason, file, index)
