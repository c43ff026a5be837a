"""Why a transcript is refused."""


class Refused(Exception):
    """A transcript is refused: the specification's `code`, the `line` from 1, and a reason for people."""

    def __init__(self, code: str, line: int, reason: str):
        super().__init__(f"{code} line {line}: {reason}")
        self.code = code
        self.line = line
        self.reason = reason


class Fault(Exception):
    """What is wrong with the line at hand; the reader of lines adds the number and makes it `Refused`."""

    def __init__(self, code: str, reason: str):
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def require(condition: object, code: str, reason: str) -> None:
    if not condition:
        raise Fault(code, reason)
