#!/usr/bin/env python3
"""Runs the conformance suite of ../shared in every environment that strake has to work in.

usage: conformance.py [--environments LIST] [--quarter] [--only REGEX] [--isolation NAME] [SUITE [STRAKE]]

SUITE           the folder that holds run.py (default: ../shared/conformance)
STRAKE          the program (default: build/dev/strake)
--environments  names, comma-separated, or "all" (default: root,mapped,single-id; of a plain
                user: here). There are
                  root        root on this machine
                  mapped      uid 1000 with subordinate ids
                  single-id   uid 1000 with a single id
                  docker-root, restricted, docker-root-unconfined, restricted-unconfined
                              the containers of ../shared/environments, each twice: with the
                              store on the container's own overlay root, and on a volume;
                              "restricted:volume" is one of the two
--quarter       every fourth case
--only          those whose name this regular expression finds
--isolation     given to every build

Every case has to pass (but by --isolation userns-single, which knows root only). Ends with
"N passed, N failed".
"""
import argparse
import ctypes
import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import ci_environment  # noqa: E402
import support  # noqa: E402

# Debian's, which other users can run, too.
PYTHON = "/usr/bin/python3"
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
REGISTRY_PORT = 5000  # the suite's Dockerfiles name it
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1
LOCAL = ("root", "mapped", "single-id")


class Runner:
    def __init__(self, work, suite, strake, options):
        self.work, self.options = work, options
        # The cases mean the modes that git gives files; a shared folder may be
        # read-only, and a build context is copied with its modes.
        self.suite = os.path.join(work, "suite")
        shutil.copytree(suite, self.suite, symlinks=True)
        subprocess.run(["chmod", "-R", "u+rwX,go+rX,go-w", self.suite], check=True)
        self.strake = os.path.join(work, "strake")
        shutil.copy(strake, self.strake)
        # In a container the registry is there already, and filled.
        self.skopeo = os.path.join(work, "skopeo")
        with open(self.skopeo, "w") as f:
            f.write("#!/bin/sh\nexit 0\n")
        os.chmod(self.skopeo, 0o755)

    def arguments(self, suite, strake, verdicts):
        words = ["-B", os.path.join(suite, "run.py"), strake, "--json", verdicts]
        if self.options.quarter:
            cases = sorted(
                f"{group}/{name}"
                for group in os.listdir(os.path.join(suite, "cases"))
                for name in os.listdir(os.path.join(suite, "cases", group)))
            words += ["--only", "/(" + "|".join(map(re.escape, cases[::4])) + ")$"]
        if self.options.only:
            words += ["--only", self.options.only]
        if self.options.isolation:
            words += ["--", "--isolation", self.options.isolation]
        return words

    def local(self, name):
        """On this machine."""
        home = tempfile.mkdtemp(prefix="home-", dir=self.work)
        prefix = []
        if name != "root" and os.geteuid() == 0:
            os.chown(home, 1000, 1000)
            prefix = USER
        if name == "mapped":
            ids = os.path.join(self.work, "subid")
            with open(ids, "w") as f:
                f.write("1000:100000:65536\n")
            mapped = (f"touch /etc/subuid /etc/subgid && mount --bind {ids} "
                      f"/etc/subuid && mount --bind {ids} /etc/subgid && "
                      "exec \"$@\"")
            prefix = ["unshare", "-m", "sh", "-c", mapped, "sh", *USER]
        verdicts = os.path.join(home, "verdicts.json")
        env = dict(os.environ, HOME=home, TMPDIR=home,
                   XDG_RUNTIME_DIR=home,
                   STRAKE_HOME=os.path.join(home, "store"))
        doctor = [*prefix, self.strake, "doctor", "--format", "json"]
        command = [*prefix, PYTHON,
                   *self.arguments(self.suite, self.strake, verdicts)]
        return self.judge(name, doctor, command, verdicts, env=env)

    def container(self, name, place):
        """In a container; `place` is "overlay" or "volume"."""
        home = tempfile.mkdtemp(prefix="home-", dir=self.work)
        uid = ci_environment.uid(name)
        os.chown(home, uid, uid)
        binds = [(self.suite, "/suite"), (self.strake, "/usr/bin/strake"),
                 (self.skopeo, "/usr/bin/skopeo"), (home, "/home")]
        where = "/home" if place == "volume" else "/tmp"
        variables = {"HOME": where, "TMPDIR": where,
                     "STRAKE_HOME": where + "/store"}
        verdicts = os.path.join(home, "verdicts.json")
        doctor = ci_environment.command(name, "strake", "doctor", "--format",
                                        "json", binds=binds)
        arguments = self.arguments(self.suite, "/usr/bin/strake",
                                   "/home/verdicts.json")
        arguments = [a.replace(self.suite, "/suite") for a in arguments]
        command = ci_environment.command(name, "python3", *arguments, binds=binds,
                                         variables=variables)
        return self.judge(f"{name}:{place}", doctor, command, verdicts)

    def isolation(self, doctor, env):
        if self.options.isolation:
            return self.options.isolation
        answer = subprocess.run(doctor, env=env, text=True, capture_output=True,
                                stdin=subprocess.DEVNULL)
        try:
            return json.loads(answer.stdout)["chosen"]
        except ValueError:
            return "unknown"

    def judge(self, title, doctor, command, verdicts_path, env=None):
        isolation = self.isolation(doctor, env)
        started = time.monotonic()
        ran = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             errors="replace")
        title = f"{title} ({isolation})"
        if not os.path.exists(verdicts_path):
            print(f"conformance, {title}: the suite did not run:\n{ran.stdout[-2000:]}")
            return 0, 1
        with open(verdicts_path) as f:
            verdicts = json.load(f)
        failed = 0
        for name, differences in sorted(verdicts.items()):
            if not differences:
                continue
            failed += 1
            print(f"  FAIL {title}: {name}")
            for difference in differences[:5]:
                print(f"       {difference[:300]}")
        passed = sum(1 for d in verdicts.values() if not d)
        print(f"conformance, {title}: {passed} of {len(verdicts)} cases pass, "
              f"{time.monotonic() - started:.0f} s", flush=True)
        return passed, failed


def enter_own_network():
    """The suite's registry has a port of its own here, whatever else runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        up = struct.pack("16sh14x", b"lo", IFF_UP)
        fcntl.ioctl(s, SIOCSIFFLAGS, up)


def start_registry(folder, suite):
    """The registry that the suite names, filled; None where one answers already."""
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", REGISTRY_PORT)) == 0:
            return None
    registry = support.Registry(folder, port=REGISTRY_PORT)
    base = os.path.join(suite, "bases/busybox.oci.tar")
    support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                f"oci-archive:{base}:busybox",
                f"docker://{registry.name}/library/busybox:latest")
    return registry


def expand(names):
    for name in names:
        if name == "all":
            yield from LOCAL
            yield from ci_environment.NAMES
        else:
            yield name


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("suite", nargs="?", default=os.path.join(
        support.SOURCE, "../shared/conformance"))
    parser.add_argument("strake", nargs="?", default=support.STRAKE)
    parser.add_argument("--environments")
    parser.add_argument("--quarter", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--isolation")
    options = parser.parse_args()
    if options.environments is None:
        options.environments = ",".join(LOCAL) if os.geteuid() == 0 else "here"
    names = list(expand(options.environments.split(",")))
    if any(name.partition(":")[0] in ci_environment.NAMES for name in names):
        ci_environment.root()  # is made with packages from the network
    enter_own_network()
    work = tempfile.mkdtemp(prefix="strake-conformance-")
    os.chmod(work, 0o755)
    registry = None
    results = []
    try:
        registry = start_registry(os.path.join(work, "registry"), options.suite)
        runner = Runner(work, options.suite, os.path.abspath(options.strake),
                        options)
        for name in names:
            environment, _, place = name.partition(":")
            if environment in ci_environment.NAMES:
                for each in [place] if place else ["overlay", "volume"]:
                    results.append(runner.container(environment, each))
            elif name in LOCAL or name == "here":
                results.append(runner.local("root" if name == "here" else name))
            else:
                raise SystemExit(f"no such environment: {name}\n{__doc__}")
    finally:
        if registry is not None:
            registry.stop()
        shutil.rmtree(work, ignore_errors=True)
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
