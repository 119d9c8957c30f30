"""What a push moves of a base image whose files no step reads."""
import io
import json
import os
import shutil
import tarfile
import unittest

import counting_proxy
import support

SIZE = 8 << 20  # of the base's layer
SMALL = SIZE // 16  # more than all documents and headers of a push


class PushLayersTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo", "busybox")
        cls.near, cls.far = cls.proxy("near"), cls.proxy("far")
        cls.base = f"{cls.near.name}/big:1"

    @classmethod
    def proxy(cls, name):
        proxy = counting_proxy.CountingProxy(cls.registry(name).port)
        cls.addClassCleanup(proxy.stop)
        return proxy

    def setUp(self):
        # New each time: no registry has anything of an earlier test.
        folder = self.context("base", "FROM scratch\nCOPY big /\n")
        with open(os.path.join(folder, "big"), "wb") as f:
            f.write(os.urandom(SIZE))
        self.build("--push", "-t", self.base, folder,
                   env=self.environment(STRAKE_HOME=f"{self.store}-base"))
        self.store = os.path.join(self.scratch, f"store-{self.id()}")
        self.near.take(), self.far.take()

    def push(self, name, dockerfile):
        """Pushes it from an empty store; returns what landed on disk."""
        self.build("--push", "-t", name,
                   self.context("app", dockerfile, x="x\n"))
        return sum(os.lstat(os.path.join(folder, file)).st_size
                   for folder, _, files in os.walk(self.store)
                   for file in files)

    def works(self, name):
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    f"docker://{name}", f"dir:{self.scratch}/{self.id()}")

    def test_one_registry_lends_its_layer(self):
        for steps in ("ENV a=b\n", "COPY x /\nENV a=bc\n",
                      "COPY --link x /dir/\nENV a=b\n"):
            name = f"{self.near.name}/app/{len(steps)}:1"
            on_disk = self.push(name, f"FROM {self.base}\n{steps}")
            self.assertLess(sum(self.near.take()), SMALL)
            self.assertLess(on_disk, SMALL)
            self.works(name)
            self.near.take()

    def test_another_registry_gets_it_streamed(self):
        name = f"{self.far.name}/app:1"
        on_disk = self.push(name, f"FROM {self.base}\nCOPY x /\nENV a=b\n")
        sent, received = self.near.take()
        self.assertLess(sent, SMALL)
        self.assertLess(abs(received - SIZE), SMALL)
        sent, received = self.far.take()
        self.assertLess(received, SMALL)
        self.assertLess(abs(sent - SIZE), SMALL)
        self.assertLess(on_disk, SMALL)
        self.works(name)

    def test_a_layer_goes_up_once_while_it_is_made(self):
        context = self.context("grows", "FROM scratch\nCOPY big small /\n",
                               small="x")
        with open(os.path.join(context, "big"), "wb") as f:
            f.write(os.urandom(3 * SIZE))
        name = f"{self.near.name}/grows:1"
        self.build("--push", "-t", name, context)
        sent, _ = self.near.take()
        self.assertLess(abs(sent - 3 * SIZE), SMALL)
        self.works(name)
        # Again, from an empty store: it is made again, and found there.
        shutil.rmtree(self.store)
        self.near.take()
        self.build("--push", "-t", f"{self.near.name}/grows:2", context)
        self.works(f"{self.near.name}/grows:2")

    def rich_base(self, size=SIZE, users="etc/passwd"):
        """One with folders, owners, a link, and a large file."""
        name = f"{self.near.name}/rich:{os.path.basename(users)}"
        folder = self.context("rich", "FROM scratch\nADD rich.tar /\n")
        content = os.urandom(size)
        with tarfile.open(os.path.join(folder, "rich.tar"), "w") as tar:
            for path, kind, mode, owner, data in (
                    ("etc", tarfile.DIRTYPE, 0o755, 0, b""),
                    (users, tarfile.REGTYPE, 0o644, 0,
                     b"app:x:7:8::/:/bin/sh\n"),
                    ("srv", tarfile.DIRTYPE, 0o1770, 7, b""),
                    ("srv/same", tarfile.REGTYPE, 0o644, 0, b"same\n"),
                    ("srv/big", tarfile.REGTYPE, 0o600, 7, content)):
                info = tarfile.TarInfo(path)
                info.type, info.mode, info.mtime = kind, mode, 1000
                info.uid = info.gid = owner
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("to-srv")
            link.type, link.linkname = tarfile.SYMTYPE, "srv"
            tar.addfile(link)
            if users != "etc/passwd":
                link = tarfile.TarInfo("etc/passwd")
                link.type, link.linkname = tarfile.LNKTYPE, users
                tar.addfile(link)
        self.build("--push", "-t", name, folder,
                   env=self.environment(STRAKE_HOME=f"{self.store}-base"))
        self.near.take(), self.far.take()
        return name

    def test_a_copy_into_a_folder_unpacks_no_base(self):
        base = self.rich_base()
        steps = (f"FROM {base}\nWORKDIR /to-srv/app\nCOPY x .\n"
                 "COPY --chown=app x /srv/x\nENV a=b\n")
        name = f"{self.far.name}/folder:1"
        on_disk = self.push(name, steps)
        # Its packed layer crosses once, and is read on the way.
        sent, received = self.near.take()
        self.assertLess(abs(received - SIZE), SMALL)
        sent, received = self.far.take()
        self.assertLess(abs(sent - SIZE), SMALL)
        self.assertLess(abs(on_disk - self.holes() - SIZE), SMALL)
        self.works(name)
        # Known by now: another build moves nothing.
        self.context("app", steps, x="another\n")
        again = f"{self.near.name}/folder:2"
        self.near.take()
        self.build("--push", "-t", again, os.path.join(self.scratch, "app"))
        self.assertLess(sum(self.near.take()), SMALL)
        self.works(again)

    def holes(self):
        """Bytes of files in the store that take no room on the disk."""
        files = [os.lstat(os.path.join(folder, file))
                 for folder, _, files in os.walk(self.store) for file in files]
        return sum(max(0, file.st_size - 512 * file.st_blocks)
                   for file in files)

    def digest(self, base_is_there, dockerfile, name, kind):
        """The image's, made in a new store with or without the base's files."""
        store = os.path.join(self.scratch, f"{name}-{kind}-{base_is_there}")
        env = self.environment(STRAKE_HOME=store, SOURCE_DATE_EPOCH="1000")
        folder = self.context("same", dockerfile, x="x\n", same="same\n",
                              zero="\0\0\0\0\0")
        build = ("--snapshotter", kind, folder)
        if base_is_there:
            self.build("-o", f"type=local,dest={store}-out", *build, env=env)
        self.build("--no-cache", "-o", "type=registry,rewrite-timestamp=true,"
                   f"name={self.far.name}/{name}:1", *build, env=env)
        return support.run("skopeo", "inspect", "--tls-verify=false",
                           "--format={{.Digest}}",
                           f"docker://{self.far.name}/{name}:1")

    def layers(self, name):
        return json.loads(support.run("skopeo", "inspect", "--tls-verify=false",
                                      f"docker://{name}"))["Layers"]

    def test_layers_are_the_same_with_the_base_unpacked(self):
        base = self.rich_base(size=100_000)
        linked = self.rich_base(size=100_000, users="etc/users")
        for name, steps in (
                ("link", "COPY x /to-srv/\n"),
                ("chain", "WORKDIR /srv/app\nCOPY x a\nCOPY x b/c\n"),
                ("user", "COPY --chown=app:8 x /srv/x\n"),
                ("merge", "COPY --link x /srv/x\nCOPY same /srv/y\n"),
                # No change at all, which only the content tells.
                ("unchanged", "COPY same /srv/same\nCOPY x /srv/x\n"),
                ("zeros", "COPY zero /srv/same\nCOPY zero /etc/group\n"),
                ("replaced", "COPY x /srv/big\n"),
                ("linked", f"FROM {linked}\nCOPY --chown=app x /srv/x\n"),
                ("tar", "ADD x /srv/\n"),
                ("itself", f"COPY --from={base} /srv/same /srv/other\n")):
            with self.subTest(name):
                dockerfile = f"FROM {base}\n{steps}"
                digests = {self.digest(there, dockerfile, name, kind)
                           for kind in ("plain", "overlay")
                           for there in (False, True)}
                self.assertEqual(len(digests), 1)

    def test_another_epoch_is_another_image(self):
        base = self.rich_base(size=100_000)
        folder = self.context("epoch", f"FROM {base}\nCOPY x /opt/x\n"
                              "WORKDIR /opt/w\n", x="x\n")
        name = f"{self.far.name}/epoch:1"
        found = {}
        for store, epoch in (("old", "2000"), ("old", "3000"), ("new", "3000")):
            env = self.environment(SOURCE_DATE_EPOCH=epoch,
                                   STRAKE_HOME=f"{self.store}-{store}")
            if store == "old":
                out = os.path.join(self.scratch, "epoch-out")
                self.build("-o", f"type=local,dest={out}", folder, env=env)
            self.build("-o", f"type=registry,rewrite-timestamp=true,name={name}",
                       folder, env=env)
            found[store] = self.layers(name)
        self.assertEqual(found["old"], found["new"])

    def test_a_copy_onto_cached_steps_unpacks_nothing(self):
        cache = f"{self.near.name}/cache:1"
        folder = self.context("cached", (
            f"FROM {self.rich_base()} AS base\nCOPY busybox /bin/sh\n"
            "RUN head -c 1000000 /dev/urandom >/srv/made && chown 5:6 /srv\n"
            "FROM base\nCOPY x /srv/x\n"), x="x\n")
        shutil.copy(shutil.which("busybox"), folder)
        name = f"{self.far.name}/cached:1"
        output = ("-o", f"type=registry,rewrite-timestamp=true,name={name}")
        stores = self.store, f"{self.store}-new"
        self.build("--cache-to", f"type=registry,ref={cache},mode=max", *output,
                   folder, env=self.environment(SOURCE_DATE_EPOCH="1000"))
        with open(os.path.join(folder, "x"), "w", encoding="ascii") as file:
            file.write("another\n")
        layers = []
        for self.store in stores:
            built = self.build(
                "--cache-from", cache, *output, folder,
                env=self.environment(SOURCE_DATE_EPOCH="1000"))
            self.assertIn("CACHED", built.stderr)
            layers.append(self.layers(name))
        self.assertEqual(*layers)
        room = sum(512 * os.lstat(os.path.join(parent, file)).st_blocks
                   for parent, _, files in os.walk(self.store)
                   for file in files)
        self.assertLess(room, SIZE + SIZE // 2)

    def test_what_needs_the_files_later_finds_them(self):
        base = self.rich_base()
        steps = f"FROM {base}\nCOPY x /srv/x\nCOPY x /srv/y\n"
        self.push(f"{self.near.name}/later:1", steps)
        out = os.path.join(self.scratch, "later")
        self.build("-o", f"type=local,dest={out}",
                   os.path.join(self.scratch, "app"))
        self.assertEqual(os.path.getsize(os.path.join(out, "srv/big")), SIZE)
        with open(os.path.join(out, "srv/big"), "rb") as file:
            self.assertTrue(any(file.read(SMALL)))
        for name in ("x", "y"):
            with open(os.path.join(out, "srv", name), encoding="ascii") as file:
                self.assertEqual(file.read(), "x\n")
        self.assertEqual(self.strake("fsck").returncode, 0)
        entries = [json.loads(line) for line in self.strake(
            "cache", "ls", "--format=json").stdout.splitlines()]
        self.assertEqual({entry["description"] for entry in entries
                          if entry["kind"] == "base"}, {"", "outline"})
        self.assertEqual(self.strake("cache", "prune", "--all").returncode, 0)
        self.assertEqual(self.strake("cache", "ls", "--format=json").stdout, "")

    def test_what_is_there_is_not_sent_again(self):
        name = f"{self.far.name}/twice:1"
        self.push(name, f"FROM {self.base}\nENV a=b\n")
        self.near.take(), self.far.take()
        self.push(name, f"FROM {self.base}\nENV a=c\n")
        self.assertLess(sum(self.near.take()), SMALL)
        self.assertLess(sum(self.far.take()), SMALL)


if __name__ == "__main__":
    unittest.main()
