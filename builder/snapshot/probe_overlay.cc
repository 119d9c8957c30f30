// Whether overlays work here is found out by doing all that a build will do to
// one. A mount that succeeds proves little: without a place for its marks the
// kernel mounts all the same and fails when a directory is replaced.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "builder/snapshot/overlay_layers.h"
#include "builder/snapshot/overlay_mount.h"
#include "builder/snapshot/overlay_snapshotter.h"
#include "util/file_copy.h"
#include "util/result_macros.h"

namespace strake::builder::snapshot {
namespace {

// Best first. Redirects and metadata-only copies would make an upper directory
// that means nothing by itself; an index would tie it to its file system;
// `volatile` spares the sync of a whole disk at every unmount.
std::vector<OverlayForm> Candidates(OverlayXattrs xattrs) {
  if (xattrs == OverlayXattrs::kUser) {
    return {{xattrs, "userxattr,index=off,xino=off,volatile"},
            {xattrs, "userxattr,volatile"},
            {xattrs, "userxattr"}};
  }
  return {{xattrs, "redirect_dir=off,metacopy=off,index=off,xino=off,volatile"},
          {xattrs, "redirect_dir=off,metacopy=off,index=off,xino=off"},
          {xattrs, "redirect_dir=off,index=off"}};
}

Result<OverlayXattrs> FindXattrs(int directory) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFileAt(directory, ".", O_RDONLY | O_DIRECTORY));
  for (OverlayXattrs form : {OverlayXattrs::kTrusted, OverlayXattrs::kUser}) {
    std::string name = OverlayXattr(form, "strake-probe");
    if (::fsetxattr(fd.get(), name.c_str(), "y", 1, 0) == 0) {
      ::fremovexattr(fd.get(), name.c_str());
      return form;
    }
  }
  return ErrnoError("set an extended attribute");
}

Status MakeDirectory(int dir, const char* name) {
  if (::mkdirat(dir, name, 0755) == 0) return {};
  return ErrnoError(std::string("mkdir ") + name);
}

Status MakeFile(int dir, const char* name) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFileAt(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644));
  if (::write(fd.get(), "x", 1) == 1) return {};
  return ErrnoError(std::string("write ") + name);
}

Status FillLower(int staging) {
  RETURN_IF_ERROR(MakeDirectory(staging, "lower"));
  RETURN_IF_ERROR(MakeDirectory(staging, "lower/directory"));
  RETURN_IF_ERROR(MakeFile(staging, "lower/directory/inner"));
  for (const char* file : {"lower/deleted", "lower/renamed", "lower/changed"}) {
    RETURN_IF_ERROR(MakeFile(staging, file));
  }
  return {};
}

Status Exercise(int root) {
  if (::unlinkat(root, "deleted", 0) != 0) return ErrnoError("delete a file");
  if (::unlinkat(root, "directory/inner", 0) != 0 ||
      ::unlinkat(root, "directory", AT_REMOVEDIR) != 0 ||
      ::mkdirat(root, "directory", 0755) != 0) {
    return ErrnoError("replace a directory");
  }
  if (::renameat(root, "renamed", root, "directory/renamed") != 0) {
    return ErrnoError("rename a file");
  }
  if (::fchmodat(root, "changed", 0600, 0) != 0) {
    return ErrnoError("change a mode");
  }
  return {};
}

// That the upper directory holds the marks that the diff understands.
Status CheckMarks(int upper, OverlayXattrs form) {
  for (const char* name : {"deleted", "renamed"}) {
    struct statx st;
    if (::statx(upper, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) !=
        0) {
      return ErrnoError("stat a whiteout");
    }
    ASSIGN_OR_RETURN(Xattrs xattrs, ReadXattrsAt(upper, name));
    if (!IsOverlayWhiteout(st, xattrs, form)) {
      return Unsupported("a deleted file left no whiteout");
    }
  }
  ASSIGN_OR_RETURN(Xattrs xattrs, ReadXattrsAt(upper, "directory"));
  if (!IsOverlayOpaque(xattrs, form)) {
    return Unsupported("a replaced directory was not marked opaque");
  }
  return {};
}

Status Try(const SnapshotStore& store, const OverlayForm& form) {
  ASSIGN_OR_RETURN(auto staging, store.Stage());
  RETURN_IF_ERROR(FillLower(staging->directory()));
  RETURN_IF_ERROR(MakeDirectory(staging->directory(), "work"));
  OverlayMountSpec spec;
  spec.scratch = staging->path();
  spec.lowers = {staging->path() + "/lower"};
  spec.upper = staging->path() + "/fs";
  spec.work = staging->path() + "/work";
  spec.options = form.options;
  {
    ASSIGN_OR_RETURN(UniqueFd root, MountOverlay(spec));
    RETURN_IF_ERROR(Exercise(root.get()));
  }
  return CheckMarks(staging->fs(), form.xattrs);
}

}  // namespace

Result<OverlayForm> ProbeOverlay(const SnapshotStore& store) {
  ASSIGN_OR_RETURN(auto staging, store.Stage());
  auto xattrs = FindXattrs(staging->fs());
  if (!xattrs) {
    return Unsupported("no overlay marks: " + xattrs.error().message());
  }
  Status tried;
  for (const OverlayForm& form : Candidates(*xattrs)) {
    tried = Try(store, form);
    if (tried) return form;
  }
  return Unsupported(tried.error().message());
}

}  // namespace strake::builder::snapshot
