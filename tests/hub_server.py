"""A Hub on localhost for the tests: the endpoints that huggingface_hub, transformers and datasets call.

Repositories live in memory, every commit is kept, large files go the LFS way. Faults happen on demand:
`server.fail(...)` makes the next matching requests answer 500, drop the connection, send the body slowly,
or break off in the middle of it.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub.store import Fault, Repository, Request, Rule

KINDS = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
OWNER, TOKEN = "tester", "hf_" + "t" * 34  # of the only account, which may write
LFS_OVER = 16 * 1024
LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".parquet", ".arrow", ".wasm")


class HubServer(ThreadingHTTPServer):
    """Start with :func:`serve_hub`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Rule] = []
        self.lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """Tells the libraries of another process to use this Hub, logged in."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def fail(self, method: str, path: str, fault: Fault, times: int = 1, after: int = 0) -> None:
        """Let the next `times` requests fail whose path matches the regular expression, after so many that do not."""
        with self.lock:
            self.faults.append(Rule(method, re.compile(path), fault, times, after))

    def everything_stored(self) -> bytes:
        """All bytes that were ever sent to this server or kept by it."""
        kept = [
            data for repo in self.repositories.values() for files in repo.commits.values() for data in files.values()
        ]
        sent = [
            part for one in self.requests for part in (one.path.encode(), json.dumps(one.headers).encode(), one.body)
        ]
        return b"\n".join([*kept, *self.objects.values(), *sent])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that a fault drops are no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path)
        fault = self._fault(path)
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
            return
        length = int(self.headers.get("Content-Length") or 0)
        broken = fault == "cut" and self.command == "PUT"  # an upload that breaks off in its middle
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        body = self._chunked() if chunked else self.rfile.read(length // 2 if broken else length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.requests.append(Request(self.command, self.path, headers, body))
        if broken:
            self.close_connection = True
            self.connection.close()
            return
        if fault == "500":
            self._json({"error": "internal error"}, 500)
            return
        if not self._allowed(path):
            return
        self.fault = fault
        for method, pattern, name in _ROUTES:
            match = pattern.fullmatch(path)
            if match and method == self.command.replace("HEAD", "GET"):
                getattr(self, name)(body, **match.groupdict())
                return
        self._json({"error": f"no route for {self.command} {path}"}, 404)

    def _allowed(self, path: str) -> bool:
        """Anyone may read; writing takes a token, and goes into the repositories of "tester" alone."""
        reads = self.command in ("GET", "HEAD") or path.endswith("/validate-yaml") or "/paths-info/" in path
        if reads or path.startswith("/lfs"):  # in real life an address that is signed for this one upload
            return True
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": "Invalid username or password."}, 401)
            return False
        if path.startswith("/api/") and path != "/api/repos/create" and f"/{OWNER}/" not in path:
            self._json({"error": "You don't have the rights to write here."}, 403)
            return False
        return True

    def _fault(self, path: str) -> Fault | None:
        with self.server.lock:
            return next((rule.fault for rule in self.server.faults if rule.hits(self.command, path)), None)

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    # Accounts and repositories

    def whoami(self, body: bytes) -> None:
        self._json({"type": "user", "name": OWNER, "fullname": OWNER, "orgs": [], "auth": {"type": "access_token"}})

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        kind = f"{asked.get('type', 'model')}s"
        owner = asked.get("organization") or OWNER
        repo_id = f"{owner}/{asked['name']}"
        if owner != OWNER:
            self._json({"error": f"You don't have the rights to create {repo_id}."}, 403)
            return
        known = (kind, repo_id) in self.server.repositories
        if not known:
            self.server.repositories[kind, repo_id] = Repository()
            self.server.repositories[kind, repo_id].commit({".gitattributes": b""})
        reply = {"url": f"{self.server.url}/{KINDS[kind]}{repo_id}", "name": repo_id, "id": repo_id}
        self._json(reply, 409 if known else 200)

    def validate_yaml(self, body: bytes) -> None:
        self._json({"warnings": [], "errors": []})

    def info(self, body: bytes, kind: str, repo: str, revision: str = "main") -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        commit, files = found
        siblings = [{"rfilename": path, "size": len(data)} for path, data in sorted(files.items())]
        facts = {"id": repo, "modelId": repo, "sha": commit, "private": False, "gated": False, "disabled": False}
        facts |= {
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": siblings,
            "lastModified": "2026-01-01T00:00:00.000Z",
        }
        self._json(facts)

    # Reading

    def tree(self, body: bytes, kind: str, repo: str, revision: str, folder: str | None = None) -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        folder = folder or ""
        recursive = "recursive=true" in self.path.lower()
        prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        inside = {path: data for path, data in found[1].items() if path.startswith(prefix)}
        if prefix and not inside:
            self._json({"error": "no such folder"}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        entries: dict[str, dict] = {}
        for path, data in sorted(inside.items()):
            parents = path[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(parents) + 1):
                name = prefix + "/".join(parents[:depth])
                if recursive or depth == 1:
                    entries.setdefault(
                        name, {"type": "directory", "path": name, "oid": _git_oid(name.encode()), "size": 0}
                    )
            if recursive or not parents:
                entries[path] = self._entry(kind, repo, path, data)
        self._json(list(entries.values()))

    def paths_info(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        asked = (
            json.loads(body)["paths"] if body.startswith(b"{") else re.findall(r"paths=([^&]+)", unquote(body.decode()))
        )
        self._json([self._entry(kind, repo, path, found[1][path]) for path in asked if path in found[1]])

    def resolve(self, body: bytes, repo: str, revision: str, path: str, kind: str = "models") -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        commit, files = found
        if path not in files:
            self._json({"error": "no such file"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        data = files[path]
        oid = hashlib.sha256(data).hexdigest() if self._is_lfs(kind, repo, path) else _git_oid(data)
        headers = {"ETag": f'"{oid}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
            if first >= len(data):
                self._send(b"", 416, {**headers, "Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        self._send(data, status, {**headers, "Content-Type": "application/octet-stream"})

    # Writing

    def preupload(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        if self._find(kind, repo, revision) is None:
            return
        modes = []
        for one in json.loads(body)["files"]:
            large = one["size"] > LFS_OVER or one["path"].endswith(LFS_SUFFIXES)
            modes.append({"path": one["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False})
        self._json({"files": modes})

    def lfs_batch(self, body: bytes, repo: str, kind: str = "models") -> None:
        objects = []
        for one in json.loads(body)["objects"]:
            actions = {
                "upload": {"href": f"{self.server.url}/lfs/{one['oid']}", "header": {}},
                "verify": {"href": f"{self.server.url}/lfs-verify", "header": {}},
            }
            known = one["oid"] in self.server.objects
            objects.append(one if known else {**one, "actions": actions})
        self._json({"transfer": "basic", "objects": objects})

    def lfs_put(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            self._json({"error": "the content does not have the oid"}, 400)
            return
        self.server.objects[oid] = body
        self._send(b"", 200, {})

    def lfs_verify(self, body: bytes) -> None:
        asked = json.loads(body)
        whole = len(self.server.objects.get(asked["oid"], b"")) == asked["size"]
        self._json({}, 200 if whole else 404)

    def commit(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        files = dict(found[1])
        repository = self.server.repositories[kind, repo]
        for line in body.splitlines():
            operation = json.loads(line)
            key, value = operation["key"], operation["value"]
            if key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile" and value["oid"] not in self.server.objects:
                self._json({"error": f"LFS object {value['oid']} was never uploaded"}, 422)
                return
            elif key == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
                repository.lfs_paths.add(value["path"])
            elif key == "deletedFile":
                files.pop(value["path"], None)
            elif key == "deletedFolder":
                files = {
                    path: data for path, data in files.items() if not path.startswith(value["path"].rstrip("/") + "/")
                }
        oid = repository.commit(files)
        url = f"{self.server.url}/{KINDS[kind]}{repo}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})

    # Replies

    def _find(self, kind: str, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self.server.repositories.get((kind, repo))
        if repository is None:
            self._json({"error": "no such repository"}, 401, {"X-Error-Code": "RepoNotFound"})
            return None
        found = repository.files(revision)
        if found is None:
            self._json({"error": "no such revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
        return found

    def _is_lfs(self, kind: str, repo: str, path: str) -> bool:
        repository = self.server.repositories.get((kind, repo))
        return repository is not None and path in repository.lfs_paths

    def _entry(self, kind: str, repo: str, path: str, data: bytes) -> dict:
        entry = {"type": "file", "path": path, "size": len(data), "oid": _git_oid(data)}
        if self._is_lfs(kind, repo, path):
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        extra = {"X-Error-Message": value["error"]} if isinstance(value, dict) and "error" in value else {}
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **extra, **(headers or {})})

    def _send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        fault = getattr(self, "fault", None)
        if fault == "cut":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            self.connection.close()
        elif fault == "slow":
            for start in range(0, len(data), max(1, len(data) // 10)):
                self.wfile.write(data[start : start + max(1, len(data) // 10)])
                time.sleep(0.05)
        else:
            self.wfile.write(data)


def _git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_KIND = r"(?P<kind>models|datasets|spaces)"
_REPO = r"(?P<repo>[^/]+/[^/]+?)"
_ROUTES = [
    (method, re.compile(pattern), name)
    for method, pattern, name in (
        ("GET", r"/api/whoami-v2", "whoami"),
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate_yaml"),
        ("POST", rf"/api/{_KIND}/{_REPO}/preupload/(?P<revision>.+)", "preupload"),
        ("POST", rf"/api/{_KIND}/{_REPO}/commit/(?P<revision>.+)", "commit"),
        ("POST", rf"/api/{_KIND}/{_REPO}/paths-info/(?P<revision>.+)", "paths_info"),
        ("GET", rf"/api/{_KIND}/{_REPO}/revision/(?P<revision>.+)", "info"),
        ("GET", rf"/api/{_KIND}/{_REPO}/tree/(?P<revision>refs/[^/]+/[^/]+|[^/]+)(?P<folder>/.*)?", "tree"),
        ("GET", rf"/api/{_KIND}/{_REPO}", "info"),
        ("POST", rf"/(?P<kind>datasets|spaces)/{_REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
        ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "lfs_put"),
        ("POST", r"/lfs-verify", "lfs_verify"),
        (
            "GET",
            rf"/(?P<kind>datasets|spaces)/{_REPO}/resolve/(?P<revision>refs/[^/]+/[^/]+|[^/]+)/(?P<path>.+)",
            "resolve",
        ),
        ("GET", rf"/{_REPO}/resolve/(?P<revision>refs/[^/]+/[^/]+|[^/]+)/(?P<path>.+)", "resolve"),
    )
]


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    """A running Hub; ``HF_ENDPOINT`` must be set to its url before huggingface_hub is imported."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
