#include "builder/snapshot/root_attributes.h"

#include <sys/stat.h>

#include "util/file_copy.h"

namespace strake::builder::snapshot {

Status CopyRootAttributes(int from, int to) {
  struct stat st;
  if (::fstat(from, &st) != 0) return ErrnoError("stat root directory");
  struct stat own;
  if (::fstat(to, &own) != 0) return ErrnoError("stat root directory");
  FileAttributes attributes;
  if (st.st_uid != own.st_uid) attributes.uid = st.st_uid;
  if (st.st_gid != own.st_gid) attributes.gid = st.st_gid;
  attributes.mode = st.st_mode & 07777;
  attributes.set_mtime = true;
  attributes.mtime = st.st_mtim;
  return SetAttributesAt(to, ".", attributes);
}

}  // namespace strake::builder::snapshot
