"""What the Hub on localhost keeps: repositories, requests, and the faults that are to happen."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["500", "drop", "slow", "cut"]


@dataclass
class Repository:
    """Files by path at every commit; "main" points to the last one."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    head: str = ""
    lfs_paths: set[str] = field(default_factory=set)

    def commit(self, files: dict[str, bytes]) -> str:
        self.head = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits[self.head] = files
        return self.head

    def files(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commit = self.head if revision in ("main", "refs/convert/parquet") else revision
        return (commit, self.commits[commit]) if commit in self.commits else None


@dataclass
class Rule:
    """Which requests a fault hits: `times` of those that match, once `after` of them went well."""

    method: str
    path: re.Pattern
    fault: Fault
    times: int
    after: int

    def hits(self, method: str, path: str) -> bool:
        if method != self.method or not self.times or not self.path.search(path):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Request:
    """One recorded request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
