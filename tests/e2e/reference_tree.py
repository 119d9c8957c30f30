"""What scripts do to a file system as root in a real chroot, and what a layer says they did.

Both are a dict from path (without leading "/") to an `Entry`.
"""
import dataclasses
import hashlib
import io
import os
import stat
import subprocess
import tarfile

@dataclasses.dataclass(frozen=True)
class Entry:
    kind: int  # the type bits of st_mode
    mode: int
    uid: int
    gid: int
    mtime: int
    link: str = ""
    device: tuple = (0, 0)
    content: str = ""  # its SHA-256
    xattrs: tuple = ()
    inode: int = 0  # equal where two names are one file
    # Nanoseconds; of what is scanned.
    modified: int = dataclasses.field(default=0, compare=False)
    changed: int = dataclasses.field(default=0, compare=False)

    def describe(self):
        return (f"{stat.filemode(self.kind | self.mode)} {self.uid}:{self.gid} "
                f"mtime {self.mtime} {self.link} {self.device} "
                f"{self.content[:12]} {self.xattrs}")


def scan(root, before=None):
    """Everything below `root`, but what is mounted there and sockets.

    Files with the same number and time as `before` are taken not to have changed.
    """
    before = before or {}
    found = {}
    device = os.stat(root).st_dev
    todo = [""]
    while todo:
        folder = todo.pop()
        for name in os.listdir(os.path.join(root, folder).encode()):
            path = os.path.join(folder, os.fsdecode(name))
            full = os.path.join(root, path)
            status = os.lstat(full)
            if stat.S_ISSOCK(status.st_mode) or status.st_dev != device:
                continue
            if stat.S_ISDIR(status.st_mode):
                todo.append(path)
            known = before.get(path)
            if (known and known.inode == status.st_ino and
                    known.changed == status.st_ctime_ns):
                found[path] = known
            else:
                found[path] = _entry(full, status)
    return found


def _entry(path, status):
    kind = stat.S_IFMT(status.st_mode)
    content = link = ""
    if kind == stat.S_IFREG:
        with open(path, "rb") as f:
            content = hashlib.sha256(f.read()).hexdigest()
    elif kind == stat.S_IFLNK:
        link = os.readlink(path)
    device = (0, 0)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        device = (os.major(status.st_rdev), os.minor(status.st_rdev))
    xattrs = tuple(sorted(
        (key, os.getxattr(path, key, follow_symlinks=False))
        for key in os.listxattr(path, follow_symlinks=False)
        if not key.startswith(("trusted.overlay.", "user.overlay."))))
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid,
                 int(status.st_mtime), link, device, content, xattrs, status.st_ino,
                 status.st_mtime_ns, status.st_ctime_ns)


def changes(before, after):
    """The entries that a layer has to hold; None is one that is gone.

    What was in a folder that is gone is gone with it, and not listed. The folders that lead
    to what has changed belong to it.
    """
    changed = {path: entry for path, entry in after.items()
               if before.get(path) != entry or
               before[path].modified != entry.modified}
    gone = {path for path in before if path not in after}
    for path in gone:
        if os.path.dirname(path) not in gone:
            changed[path] = None
    for path in list(changed):
        while path := os.path.dirname(path):
            changed.setdefault(path, after[path])
    return changed


TYPES = {tarfile.REGTYPE: stat.S_IFREG, tarfile.AREGTYPE: stat.S_IFREG,
         tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK,
         tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK,
         tarfile.FIFOTYPE: stat.S_IFIFO}


def read_layer(blob):
    """The entries of a layer, as `changes` gives them."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for member in tar:
            folder, name = os.path.split(member.name.strip("/"))
            if name.startswith(".wh."):
                found[os.path.join(folder, name[4:])] = None
                continue
            if member.islnk():
                found[os.path.join(folder, name)] = found[member.linkname.strip("/")]
                continue
            content = link = ""
            if member.isreg():
                content = hashlib.sha256(tar.extractfile(member).read()).hexdigest()
            elif member.issym():
                link = member.linkname
            device = (0, 0)
            if member.ischr() or member.isblk():
                device = (member.devmajor, member.devminor)
            prefix = "SCHILY.xattr."
            xattrs = tuple(sorted(
                (key[len(prefix):], value.encode("utf-8", "surrogateescape"))
                for key, value in member.pax_headers.items()
                if key.startswith(prefix)))
            found[os.path.join(folder, name)] = Entry(
                TYPES[member.type], member.mode, member.uid, member.gid,
                int(member.mtime), link, device, content, xattrs, member.offset)
    return found


def hard_links(entries):
    """The sets of names of one file, of those that have several."""
    names = {}
    for path, entry in entries.items():
        if entry is not None and entry.kind != stat.S_IFDIR:
            names.setdefault(entry.inode, set()).add(path)
    return sorted(sorted(each) for each in names.values() if len(each) > 1)


class Chroot:
    """A root in which scripts run as root in a real chroot, with all that a step has.

    with_proc  whether /proc and /sys are there
    overlay    the folder of an overlay's upper layer, to be made: the root is an overlay on
               top of `root`, which does not change
    """

    def __init__(self, root, with_proc=True, overlay=None):
        self.root, self.where, self.overlay = root, root, overlay
        self.with_proc = with_proc
        if not overlay:
            for name in ("hosts", "resolv.conf"):  # to be mounted over
                open(os.path.join(root, "etc", name), "a").close()
        else:
            self.where = overlay + ".root"
            for folder in (overlay, overlay + ".work", self.where):
                os.mkdir(folder, 0o755)

    def mounts(self):
        """Shell commands, for a mount namespace."""
        yield "mount --make-rprivate /"
        if self.overlay:
            yield (f"mount -t overlay overlay -o lowerdir={self.root},"
                   f"upperdir={self.overlay},workdir={self.overlay}.work {self.where}")
            yield f"touch {self.where}/etc/hosts {self.where}/etc/resolv.conf"
        yield f"mount -t tmpfs -o mode=755 dev {self.where}/dev"
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            yield f"touch {self.where}/dev/{name}"
            yield f"mount --bind /dev/{name} {self.where}/dev/{name}"
        for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"),
                             ("stderr", "/2")):
            yield f"ln -s /proc/self/fd{target} {self.where}/dev/{name}"
        if self.with_proc:
            yield f"mount -t proc proc {self.where}/proc"
            yield f"mount -t sysfs -o ro sys {self.where}/sys"
        # strake puts files of its own there, in every step.
        for name in ("hosts", "resolv.conf"):
            yield f"cp /etc/{name} {self.root}.{name}"
            yield f"chmod 644 {self.root}.{name}"
            yield f"mount --bind {self.root}.{name} {self.where}/etc/{name}"

    def run(self, script, variables):
        """Runs a shell script."""
        inner = " && ".join([
            *self.mounts(),
            f"exec env -i {' '.join(variables)} chroot {self.where} /bin/sh -c \"$0\""])
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child",
             "sh", "-ec", inner, script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=1800)
