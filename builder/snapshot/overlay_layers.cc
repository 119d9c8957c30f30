#include "builder/snapshot/overlay_layers.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "util/directory.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::snapshot {
namespace {

bool LooksLikeDeviceWhiteout(const struct statx& st) {
  return S_ISCHR(st.stx_mode) && st.stx_rdev_major == 0 &&
         st.stx_rdev_minor == 0;
}

bool LooksLikeXattrWhiteout(const struct statx& st) {
  return S_ISREG(st.stx_mode) && st.stx_size == 0;
}

// The value of an overlay mark, "" where there is none. Asked for one at a
// time: most files have no mark.
std::string ReadMark(int base, const std::string& location, OverlayXattrs form,
                     std::string_view name) {
  std::string path = "/proc/self/fd/" + std::to_string(base) + "/" + location;
  char value[16];
  ssize_t length = ::lgetxattr(path.c_str(), OverlayXattr(form, name).c_str(),
                               value, sizeof value);
  return length < 0 ? "" : std::string(value, static_cast<size_t>(length));
}

bool HasMark(int base, const std::string& location, OverlayXattrs form,
             std::string_view name) {
  std::string path = "/proc/self/fd/" + std::to_string(base) + "/" + location;
  return ::lgetxattr(path.c_str(), OverlayXattr(form, name).c_str(), nullptr,
                     0) >= 0;
}

bool IsWhiteoutAt(int base, const std::string& location, const struct statx& st,
                  OverlayXattrs form) {
  return LooksLikeDeviceWhiteout(st) ||
         (LooksLikeXattrWhiteout(st) &&
          HasMark(base, location, form, "whiteout"));
}

std::string Child(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty()) path += '/';
  return path.append(name);
}

}  // namespace

std::string OverlayXattr(OverlayXattrs form, std::string_view name) {
  return (form == OverlayXattrs::kTrusted ? "trusted.overlay."
                                          : "user.overlay.") +
         std::string(name);
}

bool IsOverlayWhiteout(const struct statx& st, const Xattrs& xattrs,
                       OverlayXattrs form) {
  return LooksLikeDeviceWhiteout(st) ||
         (LooksLikeXattrWhiteout(st) &&
          xattrs.count(OverlayXattr(form, "whiteout")) != 0);
}

bool IsOverlayOpaque(const Xattrs& xattrs, OverlayXattrs form) {
  auto mark = xattrs.find(OverlayXattr(form, "opaque"));
  // "x" says that there are attribute whiteouts inside, and hides nothing.
  return mark != xattrs.end() && mark->second == "y";
}

std::string OverlayLayers::Location(size_t layer, std::string_view path) const {
  return path.empty() ? layers_[layer] : Child(layers_[layer], path);
}

OverlayLayers::Directory OverlayLayers::Root() const {
  Directory root;
  for (size_t i = 0; i < layers_.size(); ++i) root.layers.push_back(i);
  return root;
}

Result<std::optional<OverlayLayers::Entry>> OverlayLayers::Find(
    const Directory& in, std::string_view name) {
  std::optional<Entry> found;
  std::string path = Child(in.path, name);
  for (size_t layer : in.layers) {
    std::string location = Location(layer, path);
    struct statx st;
    if (::statx(base_, location.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS,
                &st) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoError("stat " + location);
    }
    if (IsWhiteoutAt(base_, location, st, form_)) break;
    if (!S_ISDIR(st.stx_mode)) {
      // Below a directory it is hidden by it.
      if (!found && !S_ISSOCK(st.stx_mode)) {
        found.emplace();
        found->stat = st;
        found->location = std::move(location);
      }
      break;
    }
    if (!found) {
      found.emplace();
      found->stat = st;
      found->location = location;
      found->directory.path = path;
    }
    found->directory.layers.push_back(layer);
    if (ReadMark(base_, location, form_, "opaque") == "y") break;
  }
  return found;
}

Result<std::optional<OverlayLayers::Entry>> OverlayLayers::FindPath(
    std::string_view path) {
  Directory directory = Root();
  std::optional<Entry> entry;
  for (std::string_view part : Split(path, '/')) {
    ASSIGN_OR_RETURN(entry, Find(directory, part));
    if (!entry) return entry;
    directory = entry->directory;
  }
  return entry;
}

Result<std::vector<std::string>> OverlayLayers::List(
    const Directory& directory) {
  std::set<std::string> seen;
  std::vector<std::string> names;
  for (size_t layer : directory.layers) {
    std::string location = Location(layer, directory.path);
    ASSIGN_OR_RETURN(UniqueFd fd,
                     OpenFileAt(base_, location.c_str(),
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    auto entries = ListDirectory(fd.get());
    if (!entries) return std::move(entries).error().Wrap(location);
    for (DirectoryEntry& entry : *entries) {
      if (seen.insert(entry.name).second) names.push_back(entry.name);
    }
  }
  // Whether the topmost of a name hides it is `Find`'s business.
  std::vector<std::string> visible;
  for (std::string& name : names) {
    ASSIGN_OR_RETURN(auto entry, Find(directory, name));
    if (entry) visible.push_back(std::move(name));
  }
  return visible;
}

}  // namespace strake::builder::snapshot
