"""A relay before the real engine, as a process: stopped by a signal, it hangs as an engine does."""

import asyncio
import sys
from pathlib import Path

REAL = "/var/run/docker.sock"


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Hand on what comes, and its end."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except OSError:
        sink.close()


async def relay(near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
    """Lead one connection to the real engine, both ways."""
    far_reader, far = await asyncio.open_unix_connection(REAL)
    await asyncio.gather(carry(near_reader, far), carry(far_reader, near))
    far.close()
    near.close()


async def main(path: str) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_unix_server(relay, path)
    Path(f"{path}.listens").touch()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
