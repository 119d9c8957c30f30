"""What a push moves of a base image whose files no step reads."""
import os
import unittest

import counting_proxy
import support

SIZE = 8 << 20  # of the base's layer
SMALL = SIZE // 16  # more than all documents and headers of a push


class PushLayersTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo")
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

    def test_what_is_there_is_not_sent_again(self):
        name = f"{self.far.name}/twice:1"
        self.push(name, f"FROM {self.base}\nENV a=b\n")
        self.near.take(), self.far.take()
        self.push(name, f"FROM {self.base}\nENV a=c\n")
        self.assertLess(sum(self.near.take()), SMALL)
        self.assertLess(sum(self.far.take()), SMALL)


if __name__ == "__main__":
    unittest.main()
