"""A machine with Debian's Linux 6.1, emulated: the oldest kernel that Shoal runs on, and one that has
kernel IPVS. It has no network and no disk; it runs programs of the build one after the other, shows
their output on its serial console, and is switched off."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SHOAL_BUILD", "build/dev")
CACHE = ROOT / "build/guest"

KERNELS = r"^linux-image-6\.1\.[0-9]+-[0-9]+-cloud-amd64$"
# What the guest needs beyond the kernel itself; whatever these need comes along.
MODULES = ["veth", "dummy", "cls_bpf", "sch_ingress", "ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6",
           "ip_vs"] + [
    f"ip_vs_{scheduler}" for scheduler in
    ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh")]
# Busybox has the rest. Its shell prefers its own `ip` to iproute2's, so dash it is.
TOOLS = ["dash", "ip", "ethtool"]
NETWORK = Path(__file__).with_name("network.sh")
CLOSING = "guest: the end"
MEMORY_MB = 1536


def output_of(*command: str | Path, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-2000:]}")
    return done.stdout


# ---- The kernel ---------------------------------------------------------------------------------

def newest_kernel_package() -> str:
    """By apt's lists as they are; they are fetched first where they know of none."""
    for refresh in (False, True):
        if refresh:
            output_of("apt-get", "update", "-q")
        names = [line.split(" ")[0] for line in output_of("apt-cache", "search", "--names-only", KERNELS).splitlines()]
        if names:
            return max(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    raise RuntimeError("apt knows of no kernel linux-image-6.1.*-cloud-amd64")


def fetch_kernel() -> Path:
    """Downloads and unpacks (never installs) the newest kernel package; kept in build/."""
    package = newest_kernel_package()
    unpacked = CACHE / package
    if unpacked.exists():
        return unpacked
    download = CACHE / "download"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    try:
        output_of("apt-get", "download", "-q", package, cwd=download)
    except RuntimeError:  # the lists are older than the archive
        output_of("apt-get", "update", "-q")
        output_of("apt-get", "download", "-q", package, cwd=download)
    (deb,) = download.glob("*.deb")
    output_of("dpkg-deb", "-x", deb, download / "tree")
    (release,) = [folder.name for folder in (download / "tree/lib/modules").iterdir()]
    output_of("depmod", "-b", download / "tree", release)
    (download / "tree").rename(unpacked)
    shutil.rmtree(download)
    return unpacked


@dataclass
class Kernel:
    image: Path
    modules: list[Path]  # in the order in which they can be loaded


def find_kernel() -> Kernel:
    tree = fetch_kernel()
    (image,) = (tree / "boot").glob("vmlinuz-*")
    (folder,) = (tree / "lib/modules").iterdir()
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        needs[module] = others.split()
    by_name = {Path(module).name.split(".")[0]: module for module in needs}
    order: list[str] = []
    for name in MODULES:
        # modules.dep lists what a module needs with what that one needs behind it.
        for module in [*reversed(needs[by_name[name]]), by_name[name]]:
            if module not in order:
                order.append(module)
    return Kernel(image, [folder / module for module in order])


# ---- The file system ----------------------------------------------------------------------------

@dataclass
class Program:
    """A test program of the build with its arguments; in the network of network.sh where it wants one."""
    path: Path
    arguments: list[str]
    network: bool = False

    def command(self) -> str:
        around = f"unshare -n /{NETWORK.name} " if self.network else ""
        return around + " ".join([f"/programs/{self.path.name}", *(f"'{argument}'" for argument in self.arguments)])


def libraries_of(program: Path) -> set[Path]:
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", output_of("ldd", program))}


def init_script(programs: list[Program]) -> str:
    runs = "\n".join(f"{program.command()} </dev/null 2>&1\n"
                     f'echo "guest: {program.path.name} ended with $?"' for program in programs)
    return f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
ln -sf /tools/dash /bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
export PATH=/tools:/bin
while read -r module; do insmod "/modules/$module" || echo "guest: cannot load $module"; done </modules/order
ip link set lo up
echo "guest: Linux $(uname -r)"
{runs}
echo "{CLOSING}"
poweroff -f
"""


def find_tool(name: str) -> Path:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise RuntimeError(f"{name} is not installed")
    return Path(path)


def copy_into(tree: Path, file: Path) -> None:
    target = tree / str(file).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)


def make_initramfs(kernel: Kernel, programs: list[Program], target: Path) -> None:
    tree = CACHE / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "proc", "sys", "dev", "tmp", "modules", "programs", "tools"):
        (tree / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for module in kernel.modules:
        shutil.copy(module, tree / "modules" / module.name)
    (tree / "modules/order").write_text("".join(f"{module.name}\n" for module in kernel.modules))
    shutil.copy(NETWORK, tree / NETWORK.name)
    needed: set[Path] = set()
    for tool in map(find_tool, TOOLS):
        shutil.copy(tool, tree / "tools" / tool.name)
        needed |= libraries_of(tool)
    for program in programs:
        # Without debug information, which is most of their size.
        output_of("llvm-strip-19", "-o", tree / "programs" / program.path.name, program.path)
        needed |= libraries_of(program.path)
    for file in needed:
        copy_into(tree, file)
    (tree / "init").write_text(init_script(programs))
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    with target.open("wb") as archive:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), stdout=archive,
                       check=True)
    shutil.rmtree(tree)


# ---- The machine --------------------------------------------------------------------------------

def boot(programs: list[Program], seconds: float) -> list[str]:
    """The lines of the console, until the guest has switched itself off; it is killed when that takes
    too long. Emulated, also where there is KVM: that one is not to be had everywhere."""
    kernel = find_kernel()
    initramfs = CACHE / "initramfs"
    make_initramfs(kernel, programs, initramfs)
    machine = subprocess.Popen(
        ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB),
         "-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none", "-no-reboot",
         "-kernel", kernel.image, "-initrd", initramfs,
         # On a busy machine the timer's interrupts come too late for the kernel's check of them.
         "-append", "console=ttyS0 loglevel=3 mitigations=off panic=-1 oops=panic no_timer_check"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    alarm = threading.Timer(seconds, machine.kill)
    alarm.start()
    try:
        return [line.decode(errors="replace").rstrip() for line in machine.stdout]
    finally:
        alarm.cancel()
        machine.kill()
        machine.wait()
