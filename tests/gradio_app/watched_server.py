"""``hf-etc serve`` that notes each path it opens for writing, short-lived ones included: LOG MODEL FLAG ..."""

import os
import sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "tempfile.mkstemp", "tempfile.mkdtemp", "sqlite3.connect")


def watch(log: int) -> None:
    """Write a line to the file descriptor `log` whenever this process opens or makes a file from now on."""

    def note(event: str, args: tuple) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & WRITING
        if (writes or event in CHANGES) and args[0] != os.devnull:
            os.write(log, f"{event} {args[0]}\n".encode())

    sys.addaudithook(note)


if __name__ == "__main__":
    watch(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    from hf_etc.commands.serve import main

    sys.exit(main(sys.argv[2:]))
