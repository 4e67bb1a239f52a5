"""What vhlocal asks of servers, and nothing is done for."""

import time


class Questions:
    """The part of the supervisor that answers it."""

    def do_hosts(self, number):
        """Return the addresses that a server listens at, as its code means them (R3)."""
        self._read_reports()
        return {"hosts": self._servers[number].hosts() if number in self._servers else []}

    def do_birth(self, number):
        """Return how long ago a server's process, port and code were there, and what was imported for it.

        That is in two parts: what was imported until the code was loaded, and since.
        """
        server = self._servers.get(number)
        return {"refused": "ended"} if server is None else server.birth.facts(server.pid, time.monotonic())

    def do_holds(self, number, kind, name, inode=None):
        """Tell whether a server has what another could not have beside it."""
        server = self._servers.get(number)
        return {"holds": server is not None and server.holds(kind, name, inode)}

    def do_lacks(self, number):
        """Return what a server was refused and does not have since."""
        self._read_reports()
        return {"lacks": self._servers[number].held.lacks() if number in self._servers else []}

    def do_where(self, number):
        """Return the stacks of a server's processes, as Python's faulthandler writes them."""
        return {"stacks": self._stacks.ask(self._pids(number))}

    def _pids(self, number):
        server = self._servers.get(number)
        return [] if server is None else server.members()
