"""The data plane: every request goes through here, from the client to a server or to the control plane and back."""
