"""Blobs of gigabytes: how much memory they take, and what resets cost.

Runs with STRAKE_SLOW_TESTS=1 only: it moves some 30 GB over loopback, and
needs 15 GB in $TMPDIR.
"""
import hashlib
import http.client
import json
import os
import subprocess
import unittest

import cutting_proxy
import support

GIB = 1 << 30
MIB = 1 << 20
PIECE = os.urandom(MIB)
CHUNK = 16 * MIB  # what strake sends at once after a cut


def pieces(size):
    """The content of a blob that nothing compresses or stores once."""
    for number in range(size // MIB):
        yield number.to_bytes(8, "big") + PIECE[8:]


def digest_of(parts):
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return "sha256:" + sha.hexdigest()


class Uploader:
    """Puts an image of one such layer into a registry, without strake."""

    def __init__(self, port, repository):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.path = f"/v2/{repository}"

    def request(self, method, path, body=None, size=0, kind=None):
        headers = {"Content-Length": str(size)}
        if kind:
            headers["Content-Type"] = kind
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (201, 202):
            raise AssertionError(f"{method} {path}: {answer.status} {text}")
        return answer

    def blob(self, digest, body, size, media_type):
        location = self.request("POST", f"{self.path}/blobs/uploads/").headers[
            "Location"]
        path = location[location.index("/v2/"):]
        self.request("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}",
                     body, size, "application/octet-stream")
        return {"mediaType": media_type, "digest": digest, "size": size}

    def image(self, size, tag):
        digest = digest_of(pieces(size))
        oci = "application/vnd.oci.image."
        layer = self.blob(digest, pieces(size), size, oci + "layer.v1.tar")
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
            "config": self.blob(digest_of([config]), config, len(config),
                                oci + "config.v1+json"),
            "layers": [layer]}).encode()
        self.request("PUT", f"{self.path}/manifests/{tag}", manifest,
                     len(manifest), oci + "manifest.v1+json")
        self.connection.close()
        return digest


class LargeBlobsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.environ.get("STRAKE_SLOW_TESTS"):
            raise unittest.SkipTest("takes minutes: set STRAKE_SLOW_TESTS=1")
        cls.far, cls.near = cls.registry("far"), cls.registry("near")

    def peak(self, *arguments):
        """Runs strake; returns the most memory it had, in bytes."""
        with open(os.path.join(self.scratch, "out"), "w+") as out:
            process = subprocess.Popen(
                [support.STRAKE, *arguments], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env=self.environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            self.assertEqual(process.returncode, 0, out.read())
        return usage.ru_maxrss * 1024

    def serve(self):
        """strake's own registry; its port."""
        process = subprocess.Popen(
            [support.STRAKE, "registry", "serve", "-q", "--listen",
             "127.0.0.1:0", "--root", os.path.join(self.scratch, "served")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=self.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return int(process.stdout.readline().rsplit(":", 1)[1])

    def pulled(self, size):
        """An image with a layer of `size` bytes in the store, and its digest."""
        digest = Uploader(self.far.port, "big").image(size, "1")
        name = f"{self.far.name}/big:1"
        memory = self.peak("pull", name)
        blob = os.path.join(self.store, "blobs/sha256", digest[7:])
        self.assertEqual(os.stat(blob).st_size, size)
        return name, digest, memory

    def test_four_gigabytes_take_little_memory(self):
        idle = self.peak("version")
        name, _, pull = self.pulled(4 * GIB)
        self.peak("tag", name, f"{self.near.name}/big:1")
        push = self.peak("push", f"{self.near.name}/big:1")
        print(f"idle {idle >> 10} KiB, pull +{(pull - idle) >> 10} KiB, "
              f"push +{(push - idle) >> 10} KiB")
        self.assertLess(pull - idle, 64 * MIB)
        self.assertLess(push - idle, 64 * MIB)

    def push_through(self, proxy, size):
        self.addCleanup(proxy.stop)
        name, digest, _ = self.pulled(size)
        there = f"{proxy.name}/big:1"
        self.peak("tag", name, there)
        self.peak("push", there)
        again = proxy.sent - size
        print(f"{proxy.cuts} resets, {again / MIB:.1f} MiB sent again")
        connection = http.client.HTTPConnection(*proxy.target)
        connection.request("GET", f"/v2/big/blobs/{digest}")
        body = connection.getresponse()
        self.assertEqual(digest_of(iter(lambda: body.read(MIB), b"")), digest)
        connection.close()
        return again

    def test_resets_every_50_mb_cost_less_than_a_chunk_each(self):
        proxy = cutting_proxy.CuttingProxy(self.serve(), 50_000_000, True)
        again = self.push_through(proxy, 2 * GIB)
        self.assertGreaterEqual(proxy.cuts, 40)
        self.assertLess(again, proxy.cuts * CHUNK)

    def test_connections_of_50_mb_at_docker_registry(self):
        proxy = cutting_proxy.CuttingProxy(self.near.port, 50_000_000, False)
        again = self.push_through(proxy, 2 * GIB)
        # It forgets the request that was cut; none is, then.
        self.assertEqual(proxy.cuts, 1)
        self.assertLess(again, 51_000_000 + MIB)


if __name__ == "__main__":
    unittest.main()
