// A directory tree from a literal, and back. One entry a line:
//
//   dir/                      a directory
//   dir/file "text"           a regular file (\n, \" and \\ are escapes)
//   tool 0755 "text"          with a mode
//   theirs 1000:100 "text"    with an owner
//   old @1234.000000005 "x"   with a time: seconds, nanoseconds
//   x {user.a=b} "text"       with an extended attribute
//   link -> target            a symlink
//   twin = dir/file           a hard link
//   pipe |                    a fifo
//   null c1:3                 a character device, or b8:0, a block device
//
// Modes are 0755 and 0644, owners 0:0 where nothing else is said. Names have no
// blanks. Failures are test failures.

#ifndef STRAKE_TESTS_SUPPORT_TEMP_TREE_H_
#define STRAKE_TESTS_SUPPORT_TEMP_TREE_H_

#include <string>
#include <string_view>

#include "util/ownership_journal.h"

namespace strake::testing {

// Makes what `literal` says below the directory `path`, parents included.
void MakeTree(const std::string& path, std::string_view literal);

struct DescribeTreeOptions {
  bool times = false;  // "@..." on everything
  // Says more than the disk about owners, modes, devices and attributes.
  const OwnershipJournal* journal = nullptr;
};

// The tree below `path` in the same form, in path order, each line with its
// "\n". Names of a file after the first are hard links.
std::string DescribeTree(const std::string& path,
                         const DescribeTreeOptions& options = {});

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_TEMP_TREE_H_
