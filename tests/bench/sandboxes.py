"""How to run a command in each of the sandboxes that are compared.

Each has the machine's programs read-only, a memory-backed /tmp, the tools' directory at its own path, and a host directory,
writable, at /mnt. No network.
"""
import json
import os
import shutil
import subprocess
import tempfile


class Native:
    name = "native"
    slow = False

    def __init__(self, bench):
        self.bench = bench

    def version(self):
        return os.uname().sysname + " " + os.uname().release

    def dirs(self):
        """The memory-backed directory and the host's, as the command sees them."""
        return self.bench.memory_dir, self.bench.host_dir

    def argv(self, command):
        return command

    def usable(self):
        """None, or why it can't be measured here."""
        try:
            r = subprocess.run(self.argv(["/bin/true"]), capture_output=True, timeout=60, text=True)
        except (OSError, subprocess.TimeoutExpired) as e:
            return str(e)
        return None if r.returncode == 0 else (r.stderr.strip().splitlines() or ["exit status %d" % r.returncode])[-1]


class Sandbox(Native):
    def dirs(self):
        return "/tmp", "/mnt"


class Sbx(Sandbox):
    def __init__(self, bench, platform):
        super().__init__(bench)
        self.platform = platform
        self.name = "sbx" if platform == "systrap" else "sbx-" + platform
        self.slow = platform != "systrap"

    def version(self):
        return subprocess.run([self.bench.sbx, "--version"], capture_output=True, text=True).stdout.strip()

    def argv(self, command):
        tools = self.bench.tools
        return [self.bench.sbx, "run", "--platform", self.platform, "--ro-bind", tools, tools,
                "--bind", self.bench.host_dir, "/mnt", "--workdir", "/tmp", "--"] + command


class Bwrap(Sandbox):
    name = "bwrap"

    def version(self):
        return subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.strip()

    def argv(self, command):
        tools = self.bench.tools
        return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
                "--tmpfs", "/tmp", "--ro-bind", tools, tools, "--bind", self.bench.host_dir, "/mnt", "--chdir", "/tmp",
                "--"] + command


class Oci(Sandbox):
    """crun, runc, runsc: a bundle for each run, since the command is part of it."""

    serial = 0

    def __init__(self, bench, program, name=None, flags=(), slow=False):
        super().__init__(bench)
        self.program, self.name, self.flags, self.slow = program, name or program, list(flags), slow

    def version(self):
        return subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.splitlines()[0]

    def mounts(self):
        m = [{"destination": "/proc", "type": "proc", "source": "proc"},
             {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
             {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
             {"destination": "/mnt", "type": "bind", "source": self.bench.host_dir, "options": ["rbind", "rw"]},
             {"destination": self.bench.tools, "type": "bind", "source": self.bench.tools, "options": ["rbind", "ro"]}]
        for d in ("/usr", "/etc"):
            m.append({"destination": d, "type": "bind", "source": d, "options": ["rbind", "ro"]})
        return m

    def bundle(self, command):
        dir_ = tempfile.mkdtemp(prefix="bundle.", dir=self.bench.scratch)
        root = os.path.join(dir_, "rootfs")
        for d in ("proc", "dev", "tmp", "mnt", "usr", "etc"):
            os.makedirs(os.path.join(root, d))
        for d in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink("/" + d):
                os.symlink(os.readlink("/" + d), os.path.join(root, d))
        config = {
            "ociVersion": "1.0.2", "hostname": "bench", "root": {"path": "rootfs", "readonly": False}, "mounts": self.mounts(),
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "cwd": "/tmp", "args": command,
                        "env": ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"], "noNewPrivileges": True},
            "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")]}}
        with open(os.path.join(dir_, "config.json"), "w") as f:
            json.dump(config, f)
        return dir_

    def argv(self, command):
        Oci.serial += 1
        return [self.program] + self.flags + ["run", "--bundle", self.bundle(command), "bench-%d-%d" % (os.getpid(), Oci.serial)]


def find(bench, wanted):
    """All of this machine's that work, native first; (name, why) of those that don't."""
    everything = [Native(bench), Sbx(bench, "systrap"), Sbx(bench, "ptrace")]
    if shutil.which("bwrap"):
        everything.append(Bwrap(bench))
    if shutil.which("crun"):
        # sbx makes no cgroup either where no limit was asked for; and crun refuses machines with v1 and v2 at once.
        everything.append(Oci(bench, "crun", flags=["--cgroup-manager", "disabled"]))
    if shutil.which("runc"):
        everything.append(Oci(bench, "runc"))
    if shutil.which("runsc"):
        for platform in ("systrap", "ptrace"):
            flags = ["--platform", platform, "--network", "none", "--ignore-cgroups"]
            everything.append(Oci(bench, "runsc", "runsc" if platform == "systrap" else "runsc-ptrace", flags, True))
    good, bad = [], []
    for s in everything:
        if wanted and s.name != "native" and s.name not in wanted:
            continue
        why = s.usable()
        if why:
            bad.append((s.name, why))
        else:
            good.append(s)
    return good, bad
