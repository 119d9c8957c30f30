#!/usr/bin/env python3
"""Runs the conformance suite of ../shared as root and as plain users.

usage: conformance.py SUITE STRAKE

SUITE    the folder that holds run.py
As root every case has to pass, and as a plain user with subordinate ids, too.
With a single id, those listed in conformance_single_id.txt may fail, each for
the reason that stands there; it is printed. Ends with "N passed, N failed".
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Debian's, which other users can run, too.
PYTHON = "/usr/bin/python3"
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]


def exempt_cases():
    with open(os.path.join(HERE, "conformance_single_id.txt")) as f:
        lines = [line.split(None, 1) for line in f
                 if line.strip() and not line.startswith("#")]
    return {name: reason.strip() for name, reason in lines}


def run_suite(suite, strake, work, title, prefix, exempt):
    home = tempfile.mkdtemp(prefix="home-", dir=work)
    verdicts_path = os.path.join(home, "verdicts.json")
    if prefix:
        os.chown(home, 1000, 1000)
    env = dict(os.environ, HOME=home, TMPDIR=home,
               XDG_RUNTIME_DIR=home,
               STRAKE_HOME=os.path.join(home, "store"))
    subprocess.run([*prefix, PYTHON, "-B", os.path.join(suite, "run.py"),
                    strake, "--json", verdicts_path], env=env,
                   stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    if not os.path.exists(verdicts_path):
        print(f"conformance, {title}: the suite did not run")
        return 0, 1
    with open(verdicts_path) as f:
        verdicts = json.load(f)
    failed = 0
    for name, differences in sorted(verdicts.items()):
        if not differences:
            continue
        if name in exempt:
            print(f"  not possible {title}: {name}: {exempt[name]}")
            continue
        failed += 1
        print(f"  FAIL {title}: {name}")
        for difference in differences[:5]:
            print(f"       {difference[:300]}")
    passed = sum(1 for d in verdicts.values() if not d)
    print(f"conformance, {title}: {passed} of {len(verdicts)} cases pass")
    return passed, failed


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    suite, strake = sys.argv[1], os.path.abspath(sys.argv[2])
    work = tempfile.mkdtemp(prefix="strake-conformance-")
    os.chmod(work, 0o755)
    try:
        # The cases mean the modes that git gives files; a shared folder may be
        # read-only, and a build context is copied with its modes.
        copy = os.path.join(work, "suite")
        shutil.copytree(suite, copy, symlinks=True)
        subprocess.run(["chmod", "-R", "u+rwX,go+rX,go-w", copy], check=True)
        results = [run_suite(copy, strake, work, "as root"
                             if os.geteuid() == 0 else "as this user", [], {})]
        if os.geteuid() == 0:
            ids = os.path.join(work, "subid")
            with open(ids, "w") as f:
                f.write("1000:100000:65536\n")
            mapped = (f"touch /etc/subuid /etc/subgid && mount --bind {ids} "
                      f"/etc/subuid && mount --bind {ids} /etc/subgid && "
                      "exec \"$@\"")
            results.append(run_suite(
                copy, strake, work, "as uid 1000 with subordinate ids",
                ["unshare", "-m", "sh", "-c", mapped, "sh", *USER], {}))
            results.append(run_suite(
                copy, strake, work, "as uid 1000 with a single id", USER,
                exempt_cases()))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
