"""How far an answer has come."""

from __future__ import annotations

from starlette.types import Message, Send


class Noted:
    """A ``send`` that knows whether the answer has begun, and whether it has ended."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.has_ended = False

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        is_body = message["type"] == "http.response.body"
        self.has_ended = is_body and not message.get("more_body", False)
        await self._send(message)

    async def end(self) -> None:
        """End what has begun, where nobody else did."""
        if self.has_begun and not self.has_ended:
            await self({"type": "http.response.body", "body": b"", "more_body": False})
