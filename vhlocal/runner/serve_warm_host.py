"""One connection of vhlocal's to the supervisor: commands come, answers and events go."""

import hmac

import serve_warm_protocol


class Host:
    """Heard once it has shown the token of ``supervisor``, which does what it asks."""

    def __init__(self, supervisor, connection, token):
        self._supervisor = supervisor
        self._connection = connection
        self._token = token.encode("utf-8")
        self._lines = serve_warm_protocol.Lines()
        self._known = False

    def send(self, message):
        """Tell something."""
        try:
            self._connection.sendall(serve_warm_protocol.encode(message))
        except OSError:
            pass  # its end is noticed when it is read from

    def read(self):
        """Do what it has asked for; False when it has hung up, or is not to be heard."""
        try:
            data = self._connection.recv(1 << 20)
            commands = self._lines.feed(data)
        except (OSError, ValueError):
            return False
        return bool(data) and all(self._heard(command) for command in commands)

    def close(self):
        """Hang up."""
        self._connection.close()

    def _heard(self, command):
        identity = command.pop("id", None)
        if not self._known:
            token = str(command.get("token", ""))
            if not hmac.compare_digest(token.encode("utf-8"), self._token):
                return False
            self._known = True
            self.send(dict(self._supervisor.attend(self), id=identity))
            return True
        try:
            answer = getattr(self._supervisor, "do_" + command.pop("do"))(**command)
        except OSError as error:
            answer = {"error": error.strerror or str(error), "errno": error.errno, "file": error.filename}
        self.send(dict(answer, id=identity))
        return True
