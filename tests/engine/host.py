"""What a daemon needs of the machine: helper programs, control groups, a working iptables, a bridge, forwarding."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.engine import debian
from tests.engine.errors import EngineUnavailable

_HELPERS = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}
_CGROUP = Path("/sys/fs/cgroup")


def prepare(bin_folder: Path) -> None:
    """Make the machine fit for a daemon whose PATH begins with *bin_folder*. Idempotent."""
    debian.install(_HELPERS)
    _mount_cgroups()
    _choose_iptables(bin_folder)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def bridge(name: str, address: str) -> None:
    """Make the bridge *name* with *address* ("10.226.0.1/24"): a bridge of its own keeps a daemon off docker0."""
    if not Path(f"/sys/class/net/{name}").exists():
        _ip("link", "add", "name", name, "type", "bridge")
        _ip("address", "add", address, "dev", name)
    _ip("link", "set", name, "up")


def remove_bridge(name: str) -> None:
    if Path(f"/sys/class/net/{name}").exists():
        _ip("link", "delete", name)


def remove_bridges_in(subnet: str) -> None:
    """Remove the bridges that a daemon has made for its networks there: it is killed, and takes none of them away.

    *subnet* are the first two numbers.
    """
    for link in json.loads(_ip("-json", "-4", "address")):
        if link["ifname"].startswith("br-") and any(a["local"].startswith(f"{subnet}.") for a in link["addr_info"]):
            remove_bridge(link["ifname"])


def let_through(subnet: str, bin_folder: Path) -> None:
    """Let packets inside *subnet* pass, for a daemon that leaves iptables to us."""
    _iptables(_chosen(bin_folder), "-I", "FORWARD", "-s", subnet, "-d", subnet, "-j", "ACCEPT")


def block_again(subnet: str, bin_folder: Path) -> None:
    """Undo `let_through`."""
    _iptables(_chosen(bin_folder), "-D", "FORWARD", "-s", subnet, "-d", subnet, "-j", "ACCEPT")


def _chosen(bin_folder: Path) -> str:
    return shutil.which("iptables", path=debian.search_path(bin_folder)) or "iptables"


def mounts_below(folder: Path) -> list[str]:
    """The mount points in *folder*, innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    points = [point.encode().decode("unicode_escape") for point in points]
    return sorted((point for point in points if Path(point).is_relative_to(folder)), key=len, reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount all in *folder*. Raises `EngineUnavailable` if something stays: then nothing may be removed."""
    for point in mounts_below(folder):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
    if left := mounts_below(folder):
        raise EngineUnavailable(f"still mounted: {', '.join(left)}")


def _mount_cgroups() -> None:
    """See that runc finds control groups: version 1 or both (leave alone), version 2 (delegate), none (mount)."""
    kinds = {fields[1]: fields[2] for fields in map(str.split, Path("/proc/mounts").read_text().splitlines())}
    if kinds.get(str(_CGROUP)) == "cgroup2":
        _delegate()
    elif "cgroup" not in kinds.values():
        _mount("-t", "cgroup2", "cgroup2", str(_CGROUP))
        _delegate()


def _delegate() -> None:
    """Hand the controllers of version 2 down. Inside a container our processes must leave the root group first."""
    if (_CGROUP / "cgroup.type").exists():  # only a group that is not the machine's own root has this file
        leaf = _CGROUP / "init"
        leaf.mkdir(exist_ok=True)
        for pid in (_CGROUP / "cgroup.procs").read_text().split():
            try:
                (leaf / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue  # it ended meanwhile
    wanted = (_CGROUP / "cgroup.controllers").read_text().split()
    have = (_CGROUP / "cgroup.subtree_control").read_text().split()
    for controller in sorted(set(wanted) - set(have)):
        (_CGROUP / "cgroup.subtree_control").write_text(f"+{controller}")


def _choose_iptables(bin_folder: Path) -> None:
    """Put the older iptables first on the daemon's PATH where the kernel has no nftables for the default one."""
    if _iptables_works("iptables"):
        return
    if not _iptables_works("iptables-legacy"):
        raise EngineUnavailable("a private Docker Engine needs iptables, and neither kind works with this kernel")
    for name in ("iptables", "ip6tables"):
        link = bin_folder / name
        if not link.is_symlink():
            link.symlink_to(f"/usr/sbin/{name}-legacy")


def _iptables_works(program: str) -> bool:
    # a rule like the daemon's own: listing works in kernels where adding does not
    chain = f"MIGOPS-{os.getpid()}"
    steps = (f"-N {chain}", f"-A {chain} -m addrtype --dst-type LOCAL -j RETURN", f"-F {chain}", f"-X {chain}")
    codes = [_iptables(program, "-t", "nat", *step.split()).returncode for step in steps]
    return not any(codes)


def _iptables(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program, "-w", "5", *arguments]
    return subprocess.run(command, env={"PATH": debian.search_path()}, capture_output=True, text=True, check=False)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineUnavailable(f"control groups cannot be mounted: {done.stderr.strip()}")


def _ip(*arguments: str) -> str:
    env = {"PATH": debian.search_path()}
    done = subprocess.run(["ip", *arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode and "File exists" not in done.stderr:
        raise EngineUnavailable(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
