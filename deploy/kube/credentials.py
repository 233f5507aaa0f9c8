"""Keys, tokens and kubeconfigs of one control plane, kept under its folder so that a restart keeps them."""

import base64
import csv
import io
import json
import secrets
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.kube.processes import free_port

# user -> group. Each gets a token of its own, so that the audit log tells them apart.
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "kwok": "system:masters",
    "nobody": "",  # logs in and may do nothing: for tests of refusals
}


class Credentials:
    """Files under `folder`: state.json (port and tokens), tokens.csv and sa.key; made once, then read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        state_file = folder / "state.json"
        if not state_file.exists():
            tokens = {user: secrets.token_hex(16) for user in USERS}
            state_file.write_text(json.dumps({"port": free_port(), "tokens": tokens}))
            self._write_token_file(tokens)
            _write_key(folder / "sa.key")
        state = json.loads(state_file.read_text())
        self.port: int = state["port"]
        self._tokens: dict[str, str] = state["tokens"]

    @property
    def url(self) -> str:
        """Where the apiserver listens: the same at each start, so that kubeconfigs given away stay true."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The apiserver writes its serving certificate here, followed by the one that signed it."""
        return self.folder / "certs" / "apiserver.crt"

    def token(self, user: str) -> str:
        """The bearer token of one of USERS."""
        return self._tokens[user]

    def kubeconfig(self, token: str, *, user: str) -> str:
        """A kubeconfig text that names no file: one context, which carries `token`."""
        certificate = base64.b64encode(self.ca_file.read_bytes()).decode()
        cluster = {"server": self.url, "certificate-authority-data": certificate}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kube", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "kube", "context": {"cluster": "kube", "user": user}}],
            "current-context": "kube",
        }
        return yaml.safe_dump(config, sort_keys=False)

    def kubeconfig_file(self, user: str) -> Path:
        """Writes and names the kubeconfig file of one of USERS."""
        path = self.folder / f"{user.rpartition(':')[2]}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(self.kubeconfig(self.token(user), user=user))
        return path

    def _write_token_file(self, tokens: dict[str, str]) -> None:
        rows = io.StringIO()
        for user, group in USERS.items():
            csv.writer(rows).writerow([tokens[user], user, user, group])
        (self.folder / "tokens.csv").write_text(rows.getvalue())


def _write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
