"""What registries are asked for by single commands: tags, manifests, blobs, deletions."""
import hashlib
import json
import os
import subprocess
import unittest

import support


class RegistryCommandsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo")
        cls.docker = cls.registry()
        cls.own = support.OwnRegistry(os.path.join(cls.scratch, "own"))
        cls.addClassCleanup(cls.own.stop)
        test = cls()
        folder = test.context("image", "FROM scratch\nCOPY f /\nLABEL a=b\n", f="1\n")
        tags = [w for r in (cls.docker, cls.own) for t in ("1", "2", "3")
                for w in ("-t", f"{r.name}/team/app:{t}")]
        test.build("--platform", "linux/amd64,linux/arm64", "--push", *tags, folder)

    def names(self):
        return [f"{r.name}/team/app" for r in (self.docker, self.own)]

    def out(self, *arguments, **options):
        result = self.strake(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fail(self, *arguments):
        result = self.strake(*arguments)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        return result.stderr

    def pipe(self, content, *arguments):
        result = subprocess.run([support.STRAKE, *arguments], input=content,
                                capture_output=True, env=self.environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_tags_and_catalog(self):
        for name in self.names():
            self.assertEqual(self.out("tags", name).split(), ["1", "2", "3"])
            self.assertEqual(self.out("tags", "--limit", "2", name).split(), ["1", "2"])
            self.assertEqual(json.loads(self.out("tags", "--format", "json", name)),
                             {"name": "team/app", "tags": ["1", "2", "3"]})
            registry = name.split("/")[0]
            self.assertIn("team/app", self.out("catalog", registry).split())
            self.assertEqual(len(self.out("catalog", "--limit=1", registry).split()), 1)
        self.assertIn("NAME_UNKNOWN", self.fail("tags", f"{self.own.name}/none"))
        self.assertEqual(self.strake("tags", self.names()[0] + ":1").returncode, 2)
        self.assertEqual(self.strake("tags", "--limit=0", self.names()[0]).returncode, 2)

    def test_no_message_has_a_password(self):
        at = "bob:S3cretPw@127.0.0.1:5000"
        for arguments in (("tags", f"https://{at}/app"), ("pull", f"{at}/app"),
                          ("copy", f"docker://{at}/app:1", "oci:x:1"),
                          ("inspect", "--remote", f"{at}/app:1"),
                          ("registry", "serve", "--pull-through", f"https://{at}")):
            message = self.fail(*arguments)
            self.assertNotIn("S3cretPw", message)
            self.assertIn("strake login", message)

    def test_one_bad_name_does_not_keep_the_others(self):
        name = f"{self.own.name}/team/app"
        pulled = self.strake("pull", f"{name}:1", f"{name}:no", f"{name}:2")
        self.assertEqual(pulled.returncode, 1)
        self.assertEqual(len(pulled.stdout.split()), 2)
        self.assertIn(":no", pulled.stderr)
        shown = self.strake("inspect", "--remote", f"{name}:no", f"{name}:1")
        self.assertEqual(shown.returncode, 1)
        self.assertEqual(len(json.loads(shown.stdout)), 1)
        other = f"{self.own.name}/other/app"
        self.out("copy", f"{name}:1", f"{other}:1")
        deleted = self.strake("delete", f"{other}:no", f"{other}:none", f"{other}:1")
        self.assertEqual(deleted.returncode, 1)
        self.assertIn("Deleted", deleted.stdout)
        for tag in (":no", ":none"):
            self.assertRegex(deleted.stderr, f"{tag}.*404")

    def test_what_means_nothing_is_refused(self):
        self.assertIn("--pull-through", self.fail(
            "registry", "serve", "--limit-rate", "1MB"))
        self.assertIn("knows no dir:", self.fail("copy", "a", "dir:foo"))

    def test_inspect_without_pulling(self):
        for name in self.names():
            [index] = json.loads(self.out("inspect", "--remote", f"{name}:1"))
            self.assertEqual([m["platform"]["architecture"] for m in index["Manifests"]],
                             ["amd64", "arm64"])
            self.assertIn("index", index["Descriptor"]["mediaType"])
            [image] = json.loads(self.out("inspect", "--platform", "linux/arm64",
                                          f"docker://{name}:1"))
            self.assertEqual(image["Architecture"], "arm64")
            self.assertEqual(image["Config"]["Labels"], {"a": "b"})
            self.assertGreater(image["Layers"][0]["size"], 0)
            self.assertGreater(image["Size"], image["Layers"][0]["size"])
            self.assertEqual(image["Descriptor"]["digest"],
                             index["Manifests"][1]["digest"])
            raw = self.out("inspect", "--remote", "--raw", f"{name}:1")
            self.assertEqual("sha256:" + hashlib.sha256(raw.encode()).hexdigest(),
                             index["Descriptor"]["digest"])
            config = json.loads(self.out("inspect", "--remote", "--config",
                                         "--platform=linux/arm64", f"{name}:1"))
            self.assertEqual(config["architecture"], "arm64")
            self.assertEqual(self.out("inspect", "--remote", "--format", "{{.Id}}",
                                      f"{name}:1").strip(), index["Descriptor"]["digest"])
        self.assertEqual(self.out("images", "-q"), "")
        self.assertIn("MANIFEST_UNKNOWN", self.fail("inspect", "--remote", name + ":9"))

    def test_manifests_and_blobs(self):
        for name in self.names():
            index = self.out("manifest", "get", f"{name}:1")
            image = self.out("manifest", "get", "--platform=linux/amd64", f"{name}:1")
            manifest = json.loads(image)
            self.assertIn(hashlib.sha256(image.encode()).hexdigest(), index)
            # Another tag for it, and what it would be without one.
            printed = self.pipe(image.encode(), "manifest", "put", f"{name}:single", "-")
            self.assertEqual(self.out("manifest", "get", f"{name}:single"), image)
            self.assertEqual(self.out("manifest", "get", printed.decode().strip()), image)
            layer = manifest["layers"][0]["digest"]
            target = os.path.join(self.scratch, "layer")
            self.out("blob", "get", "-o", target, f"{name}@{layer}")
            with open(target, "rb") as f:
                content = f.read()
            self.assertEqual("sha256:" + hashlib.sha256(content).hexdigest(), layer)
            content += b"more"
            expected = f"{name}-blobs@sha256:{hashlib.sha256(content).hexdigest()}"
            printed = self.pipe(content, "blob", "put", f"{name}-blobs", "-")
            self.assertEqual(printed.decode().strip(), expected)
            got = self.pipe(b"", "blob", "get", expected)
            self.assertEqual(got, content)
            # Once more it is there already.
            with open(target, "wb") as f:
                f.write(content)
            self.assertEqual(self.out("blob", "put", f"{name}-blobs", target).strip(),
                             expected)
        nowhere = os.path.join(self.scratch, "nowhere")
        self.assertIn("404", self.fail(
            "blob", "get", "-o", nowhere, f"{self.own.name}/team/app@sha256:{'0' * 64}"))
        self.assertFalse(os.path.exists(nowhere))
        self.assertEqual(self.strake("blob", "get", f"{name}:1").returncode, 2)

    def push_to_delete(self, name):
        folder = self.context("gone", "FROM scratch\nCOPY f /\n", f=name)
        self.build("--push", "-t", f"{name}:1", "-t", f"{name}:2", folder)
        document = self.out("manifest", "get", f"{name}:1")
        return f"{name}@sha256:{hashlib.sha256(document.encode()).hexdigest()}"

    def test_delete(self):
        own, docker = (f"{r.name}/gone" for r in (self.own, self.docker))
        by_digest = self.push_to_delete(own)
        self.out("delete", f"{own}:1")
        self.assertEqual(self.out("tags", own).split(), ["2"])
        self.out("delete", by_digest)
        self.assertEqual(self.out("tags", own).split(), [])
        self.assertIn("MANIFEST_UNKNOWN", self.fail("delete", by_digest))

        # A registry that does not delete tags says so, and keeps them all.
        by_digest = self.push_to_delete(docker)
        error = self.fail("delete", f"{docker}:1")
        self.assertIn("the registry refused it", error)
        self.assertIn("this deletes the image with all of them", error)
        self.assertIn("strake delete " + by_digest, error)
        self.assertEqual(self.out("tags", docker).split(), ["1", "2"])
        self.out("delete", by_digest)
        self.fail("manifest", "get", f"{docker}:1")
        for unnamed in (docker, f"{docker}:1@{by_digest.split('@')[1]}"):
            self.assertEqual(self.strake("delete", unnamed).returncode, 2)

    def test_a_login_is_stored_only_if_it_is_right(self):
        support.need("htpasswd")
        users = os.path.join(self.scratch, "users")
        with open(users, "w") as f:
            f.write(support.run("htpasswd", "-Bbn", "-C", "5", "bob", "secret"))
        guarded = support.OwnRegistry(os.path.join(self.scratch, "guarded"),
                                      "--htpasswd", users)
        self.addCleanup(guarded.stop)
        config = os.path.join(self.scratch, "logins.json")
        env = self.environment(REGISTRY_AUTH_FILE=config)
        self.assertNotEqual(self.strake("catalog", guarded.name, env=env).returncode, 0)
        for password, code in (("guess", 1), ("secret", 0)):
            result = subprocess.run(
                [support.STRAKE, "login", "-u", "bob", "--password-stdin", guarded.name],
                input=password, text=True, capture_output=True, env=env)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(os.path.exists(config), code == 0)
        self.assertEqual(self.strake("catalog", guarded.name, env=env).returncode, 0)


if __name__ == "__main__":
    unittest.main()
