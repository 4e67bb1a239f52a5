"""WebSocket frames (RFC 6455, section 5): where each ends in a stream of bytes, and the one that closes. Pure."""

from __future__ import annotations

#: The codes with which the gateway closes (section 7.4.1, and IANA's registry).
GOING_AWAY = 1001
SERVICE_RESTART = 1012

_CLOSE = 0x8
_FINAL = 0x80
_MASKED = 0x80
_LENGTH = 0x7F
_OPCODE = 0x0F

#: By what stands in a head's second byte for the length: how many more bytes hold it.
_MORE_LENGTH = {126: 2, 127: 8}

#: Heads and payloads that are read at one time: more than one read of a socket brings, unless frames are tiny.
_PARTS_AT_ONCE = 1000

#: Of a close frame's payload its reason may have so many bytes.
_REASON_BYTES = 123


class FrameReader:
    """Follows the frames in one direction. It judges none: a frame that nobody may send has its end all the same."""

    def __init__(self) -> None:
        #: Whether a close frame has begun: nothing that counts follows it.
        self.closing = False
        self._head = b""
        self._remaining = 0

    @property
    def between(self) -> bool:
        """Whether what was read ends where a frame ends: another may be put there."""
        return not self._remaining and not self._head

    def feed(self, data: bytes, at: int = 0) -> int:
        """Read on from ``at``; return how far. Of a flood of frames only so many are read at one time."""
        size = len(data)
        for _ in range(_PARTS_AT_ONCE):
            if at == size:
                break
            at = self._read(data, at)
        return at

    def finish(self, data: bytes) -> int:
        """Read on to the end of the frame that has begun; return how many bytes of ``data`` belong to that."""
        at, size = 0, len(data)
        while at < size and not self.between:
            at = self._read(data, at)
        return at

    def _read(self, data: bytes, at: int) -> int:
        """Read a head, or a part of one, or of a payload; return where it ends."""
        if self._remaining:
            step = min(self._remaining, len(data) - at)
            self._remaining -= step
            return at + step
        begun = len(self._head)
        head = self._head + data[at : at + 14 - begun]
        size = _head_size(head)
        if len(head) < size:
            self._head = head
            return len(data)
        self._head = b""
        self._remaining = _payload_size(head)
        self.closing = self.closing or head[0] & _OPCODE == _CLOSE
        return at + size - begun


def close_frame(code: int, reason: str, *, mask: bool) -> bytes:
    """Return a close frame; ``mask`` is for what a client sends.

    The reason is cut to what such a frame may hold. Masking hides a frame from proxies that misread it; the mask
    may be any, and this one changes nothing.
    """
    payload = code.to_bytes(2, "big") + reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
    head = bytes((_FINAL | _CLOSE, (_MASKED if mask else 0) | len(payload)))
    return head + (bytes(4) if mask else b"") + payload


def _head_size(head: bytes) -> int:
    """Return how long a head is, as far as it is known from its beginning: at least two bytes."""
    if len(head) < 2:
        return 2
    return 2 + _MORE_LENGTH.get(head[1] & _LENGTH, 0) + (4 if head[1] & _MASKED else 0)


def _payload_size(head: bytes) -> int:
    length = head[1] & _LENGTH
    more = _MORE_LENGTH.get(length)
    return length if more is None else int.from_bytes(head[2 : 2 + more], "big")
