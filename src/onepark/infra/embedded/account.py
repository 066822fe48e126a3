"""The system account that PostgreSQL runs as when we are root.

Owns: the account and the permissions it needs on the way to its files.
Never: gives it more than traversal of the folders above them.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from onepark.infra.embedded.child import Account

NAME = "onepark_postgres"


def account_for_postgres() -> Account | None:
    """Return the account to run PostgreSQL as; None when we are an ordinary user ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin") or "useradd"
        subprocess.run(  # noqa: S603  fixed arguments
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            check=True,
            capture_output=True,
        )
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def let_traverse(path: Path) -> None:
    """Let any account pass through the folders above ``path`` without listing them."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let any account read and run what lies below ``folder``."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)
