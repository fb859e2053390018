"""uvicorn's connection, with limits on time and number that it lacks."""

import asyncio
import json
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SILENCE = 10  # seconds until a request's headers are complete
LONGEST = 60  # seconds until it is answered
OPEN = 100  # connections whose request is not complete
BITE = 1 << 14  # bytes given to h11 at a time; headers may have twice as many


class Connection(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """More than OPEN unfinished requests end the oldest; an honest one is done long before."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self.ends = (
            self.loop.call_later(SILENCE, self.end_silence),
            self.loop.call_later(LONGEST, self.refuse, HTTPStatus.REQUEST_TIMEOUT, "too slow"),
        )
        sending = [each for each in self.connections if each.is_sending()]
        if len(sending) > OPEN:
            min(sending, key=lambda each: each.since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for end in self.ends:
            end.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), BITE):
            if not self.transport.is_closing():
                super().data_received(data[start : start + BITE])

    def is_sending(self) -> bool:
        complete = self.cycle is not None and not self.cycle.more_body
        return not complete and not self.transport.is_closing()

    def end_silence(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def eof_received(self) -> bool:
        """A client that has sent everything may still wait for the answer."""
        if self.cycle is not None and self.cycle.more_body:
            self.refuse(HTTPStatus.BAD_REQUEST, "the file ended early")
        return self.cycle is not None

    def send_400_response(self, msg: str) -> None:
        self.refuse(HTTPStatus.BAD_REQUEST, "the request is not valid HTTP/1.1")

    def refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answers for an application that was not called, or that still waits for data."""
        if self.transport.is_closing():  # an answer was written and nobody reads it
            self.transport.abort()
            return
        if self.cycle:  # drops whatever the application still writes
            self.cycle.disconnected = True
        content = json.dumps({"error": sentence}).encode()
        fields = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        headers = [*fields, *self.server_state.default_headers]
        answer = h11.Response(status_code=status, reason=status.phrase, headers=headers)
        for event in (answer, h11.Data(data=content), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event))
        self.transport.close()
