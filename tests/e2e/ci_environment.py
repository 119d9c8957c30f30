"""A Debian 12 root file system that strake can run in, and commands inside CI containers.

The containers are those of ../shared/environments/enter.py. The root file system is made
once, with what strake is linked with and what the tests need, and kept in .cache.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess

import support

ENTER = os.environ.get("STRAKE_ENTER", os.path.join(
    support.SOURCE, "..", "shared", "environments", "enter.py"))
PACKAGES = ["python3", "ca-certificates", "git", "procps", "libarchive13",
            "libcurl4", "libcpp-httplib0.11", "libisal2", "libdeflate0",
            "libre2-9", "libyaml-cpp0.7", "libsoci-sqlite3-4.0",
            "libsoci-postgresql4.0"]
NAMES = ("docker-root", "restricted", "docker-root-unconfined",
         "restricted-unconfined")


def need():
    support.need_root()
    support.need("runc", "mmdebstrap")
    if not os.path.exists(ENTER):
        raise support.unittest.SkipTest(f"{ENTER} is not there")


def root():
    """The folder with the root file system; not to be changed."""
    os.makedirs(support.CACHE, exist_ok=True)
    # One made for an earlier strake lacks libraries of this one.
    packages = hashlib.sha256(",".join(PACKAGES).encode()).hexdigest()[:8]
    folder = os.path.join(support.CACHE, f"ci-root-{packages}")
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(folder):
            return folder
        made = folder + ".new"
        shutil.rmtree(made, ignore_errors=True)
        support.run("mmdebstrap", "--variant=minbase",
                    "--include=" + ",".join(PACKAGES),
                    "--aptopt=Acquire::Check-Valid-Until \"false\"", "bookworm",
                    made, "http://deb.debian.org/debian", timeout=1800)
        os.rename(made, folder)
    return folder


def uid(name):
    return 0 if name.startswith("docker-root") else 1000


def command(name, *words, binds=(), variables=None, host_network=True):
    """The words of a command that runs `words` in the environment `name`."""
    result = ["python3", "-B", ENTER, name, root()]
    for source, target in binds:
        result += ["--bind", f"{source}:{target}"]
    for key, value in (variables or {}).items():
        result += ["--env", f"{key}={value}"]
    if host_network:
        result.append("--host-network")
    return [*result, "--", *words]


def run(name, *words, timeout=600, **options):
    """Runs it; returns the finished process with its streams."""
    return subprocess.run(command(name, *words, **options), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          errors="replace", timeout=timeout)
