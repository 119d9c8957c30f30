"""strake pack: other people's programs read what it packs."""
import csv
import io
import json
import os
import subprocess
import xml.etree.ElementTree as xml

import support


class PackTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("tar", "gzip", "zstd")
        cls.folder = os.path.join(cls.scratch, "folder")
        os.makedirs(os.path.join(cls.folder, "sub"))
        for i in range(40):
            with open(os.path.join(cls.folder, "sub", f"file {i}"), "w") as f:
                f.write(f"{i} and more of it\n" * 5000)
        os.symlink("sub/file 1", os.path.join(cls.folder, "link"))
        os.link(os.path.join(cls.folder, "sub", "file 2"),
                os.path.join(cls.folder, "twin"))

    def pack(self, *arguments, path=None):
        result = self.strake("pack", *arguments, path or self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def refused(self, *arguments):
        result = self.strake("pack", *arguments)
        self.assertNotEqual(result.returncode, 0)
        return result.stderr

    def unpacked(self, blob, *filter):
        folder = blob + ".d"
        os.mkdir(folder)
        support.run("tar", *filter, "-xf", blob, "-C", folder)
        return folder

    def blob(self, name):
        return os.path.join(self.scratch, name)

    def test_gzip_and_zstd_and_tar_read_the_blobs(self):
        for form, test in (("gzip", ("gzip", "-t")), ("zstd", ("zstd", "-tq")),
                           ("estargz", ("gzip", "-t")), ("uncompressed", None)):
            with self.subTest(form):
                blob = self.blob("layer." + form)
                self.pack("--compression", form, "-o", blob)
                if test:
                    support.run(*test, "-f", blob)
                how = {"zstd": ["--zstd"], "uncompressed": []}.get(form, ["-z"])
                folder = self.unpacked(blob, *how)
                support.run("diff", "-r", "--no-dereference",
                            "--exclude=stargz.index.json", self.folder, folder)
                self.assertEqual(os.stat(f"{folder}/twin").st_nlink, 2)

    def test_bytes_do_not_depend_on_threads(self):
        for form, level in (("gzip", "1"), ("gzip", "6"), ("zstd", "3"),
                            ("estargz", "6")):
            with self.subTest(form=form, level=level):
                digests = {
                    json.loads(self.pack("--compression", form, "--level", level,
                                         "--threads", threads, "--format",
                                         "json"))["results"][0]["digest"]
                    for threads in ("0", "1", "4")}
                self.assertEqual(len(digests), 1)

    def test_what_it_tells_is_true(self):
        blob = self.blob("told.tar.gz")
        told = json.loads(self.pack("--format", "json", "--repeat", "3",
                                    "-o", blob))
        result = told["results"][0]
        digest = support.run("sha256sum", blob).split()[0]
        self.assertEqual(result["digest"], "sha256:" + digest)
        self.assertEqual(result["blob_bytes"], os.path.getsize(blob))
        plain = subprocess.run(["gzip", "-dc", blob], capture_output=True,
                               check=True).stdout
        self.assertEqual(result["tar_bytes"], len(plain))
        self.assertEqual(len(result["all_wall_seconds"]), 3)
        self.assertEqual(result["stages"][0]["bytes_in"], len(plain))
        self.assertGreater(result["peak_memory_bytes"], 1 << 20)

    def test_a_blob_is_packed_anew(self):
        first, second = self.blob("first.tar.gz"), self.blob("second.tar.zst")
        self.pack("-o", first)
        told = json.loads(self.pack("--compression", "zstd", "--format", "json",
                                    "-o", second, path=first))
        self.assertEqual(told["kind"], "blob")
        tars = [subprocess.run(command, capture_output=True, check=True).stdout
                for command in (["gzip", "-dc", first], ["zstd", "-dcq", second])]
        self.assertEqual(tars[0], tars[1])

    def test_a_layer_of_an_image_is_packed_anew(self):
        context = self.context("image", "FROM scratch\nCOPY a /\nCOPY b /\n",
                               a="first", b="second")
        layout, archive = self.blob("layout"), self.blob("image.tar")
        self.build("-o", f"type=oci,dest={archive}",
                   "-o", f"type=oci,dest={layout},tar=false", context)
        for path in (layout, archive):
            with self.subTest(path):
                told = json.loads(self.pack("--layer", "2", "--compression",
                                            "uncompressed", "--format", "json",
                                            "-o", self.blob("two.tar"),
                                            path=path))
                self.assertEqual(told["kind"], "layer 2 of 2")
                names = support.run("tar", "-tf", self.blob("two.tar"))
                self.assertEqual(names, "b\n")
                self.assertIn("has 2 layers", self.refused(path))
                self.assertIn("has 2 layers", self.refused("--layer", "3", path))
        self.assertEqual(os.listdir(os.path.join(self.scratch, "tmp")), [])
        nowhere = self.strake("pack", "--layer", "1", archive,
                              env=self.environment(TMPDIR="/nowhere"))
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn("$TMPDIR is no folder", nowhere.stderr)

    def test_a_comparison_is_told_and_drawn(self):
        svg = self.blob("chart.svg")
        text = self.pack("--compare", svg, "--compression", "gzip,zstd",
                         "--level", "1,3", "--threads", "0,2", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), 8)
        self.assertEqual({row["compression"] for row in rows}, {"gzip", "zstd"})
        self.assertIn("1", {row["on_front"] for row in rows})
        root = xml.parse(svg).getroot()
        circles = root.findall("{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(circles), 8)

    def test_mistakes_are_told(self):
        self.assertIn("from 1 to 9", self.refused("--level", "10", self.folder))
        self.assertIn("no meaning", self.refused(
            "--compression", "uncompressed", "--level", "1", self.folder))
        self.assertIn("there are gzip", self.refused(
            "--compression", "lz4", self.folder))
        self.assertIn("only --compare", self.refused("--level", "1,2",
                                                     self.folder))
        self.assertIn("no layers to choose", self.refused("--layer", "1",
                                                          self.folder))
        self.assertIn("cannot pack", self.refused(self.blob("missing")))


if __name__ == "__main__":
    import unittest
    unittest.main()
