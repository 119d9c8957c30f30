#include "tests/support/temp_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "util/file_copy.h"
#include "util/strings.h"
#include "util/tree_walk.h"
#include "util/unique_fd.h"

namespace strake::testing {
namespace {

struct Line {
  std::string path;
  char kind = 'f';   // f d l = | c b
  std::string text;  // content or target
  std::optional<unsigned> mode;
  unsigned uid = 0, gid = 0;
  bool owned = false;
  std::optional<struct timespec> time;
  std::map<std::string, std::string> xattrs;
  dev_t device = 0;
};

std::string Unquote(std::string_view quoted) {
  std::string text;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    char c = quoted[i];
    if (c == '\\') {
      c = quoted[++i];
      if (c == 'n') c = '\n';
    }
    text += c;
  }
  return text;
}

void ParseAttribute(const std::string& word, Line& line) {
  unsigned a = 0, b = 0;
  if (word == "|") {
    line.kind = '|';
  } else if (word[0] == '@') {
    struct timespec time = {};
    std::sscanf(word.c_str(), "@%ld.%ld", &time.tv_sec, &time.tv_nsec);
    line.time = time;
  } else if (word[0] == '{') {
    auto parts =
        SplitOnce(std::string_view(word).substr(1, word.size() - 2), '=');
    ASSERT_TRUE(parts) << word;
    line.xattrs[std::string(parts->first)] = parts->second;
  } else if (std::sscanf(word.c_str(), "c%u:%u", &a, &b) == 2 ||
             std::sscanf(word.c_str(), "b%u:%u", &a, &b) == 2) {
    line.kind = word[0];
    line.device = makedev(a, b);
  } else if (std::sscanf(word.c_str(), "%u:%u", &a, &b) == 2) {
    line.uid = a;
    line.gid = b;
    line.owned = true;
  } else if (word[0] >= '0' && word[0] <= '7') {
    line.mode = static_cast<unsigned>(std::stoul(word, nullptr, 8));
  } else {
    ADD_FAILURE() << "what is " << word << " of " << line.path << "?";
  }
}

Line ParseLine(std::string_view text) {
  Line line;
  std::istringstream words{std::string(text)};
  words >> line.path;
  if (line.path.ends_with('/')) {
    line.kind = 'd';
    line.path.pop_back();
  }
  for (std::string word; words >> word;) {
    if (word == "->" || word == "=") {
      line.kind = word == "=" ? '=' : 'l';
      words >> line.text;
    } else if (word[0] == '"') {
      std::string rest;
      std::getline(words, rest);
      line.text = Unquote(word + rest);
    } else {
      ParseAttribute(word, line);
    }
  }
  return line;
}

void Create(const std::string& root, const Line& line) {
  std::string path = root + "/" + line.path;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(),
                                      ignored);
  int made = 0;
  switch (line.kind) {
    case 'd':
      std::filesystem::create_directory(path, ignored);
      break;
    case 'l':
      made = ::symlink(line.text.c_str(), path.c_str());
      break;
    case '=':
      made = ::link((root + "/" + line.text).c_str(), path.c_str());
      break;
    case '|':
      made = ::mkfifo(path.c_str(), 0600);
      break;
    case 'c':
    case 'b':
      made =
          ::mknod(path.c_str(), (line.kind == 'c' ? S_IFCHR : S_IFBLK) | 0600,
                  line.device);
      break;
    default: {
      std::ofstream file(path, std::ios::binary | std::ios::trunc);
      file << line.text;
      EXPECT_TRUE(file.flush().good()) << path;
    }
  }
  EXPECT_EQ(made, 0) << path;
}

void SetMetadata(const std::string& root, const Line& line) {
  if (line.kind == '=') return;
  std::string path = root + "/" + line.path;
  if (line.owned) {
    EXPECT_EQ(::lchown(path.c_str(), line.uid, line.gid), 0) << path;
  }
  if (line.kind != 'l') {
    unsigned mode = line.mode.value_or(line.kind == 'd' ? 0755 : 0644);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0) << path;
  }
  for (const auto& [name, value] : line.xattrs) {
    EXPECT_EQ(
        ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0),
        0)
        << path << " " << name;
  }
  if (line.time) {
    struct timespec times[2] = {*line.time, *line.time};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW),
              0);
  }
}

std::string Quote(std::string_view text) {
  return "\"" +
         ReplaceAll(ReplaceAll(ReplaceAll(text, "\\", "\\\\"), "\"", "\\\""),
                    "\n", "\\n") +
         "\"";
}

class Describer {
 public:
  Describer(std::string root, const DescribeTreeOptions& options)
      : root_(std::move(root)), options_(options) {}

  std::string Run() {
    auto fd = OpenFile(root_.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd) {
      ADD_FAILURE() << fd.error().message();
      return "";
    }
    auto walked = WalkTree(fd->get(), {.xattrs = true},
                           [&](const TreeEntry& entry) -> Result<TreeStep> {
                             Add(entry);
                             return TreeStep::kContinue;
                           });
    if (!walked) ADD_FAILURE() << walked.error().message();
    return std::move(text_);
  }

 private:
  void Add(const TreeEntry& entry) {
    const struct statx& st = *entry.stat;
    unsigned mode = st.stx_mode, uid = st.stx_uid, gid = st.stx_gid;
    unsigned major_id = st.stx_rdev_major, minor_id = st.stx_rdev_minor;
    Xattrs xattrs = *entry.xattrs;
    if (options_.journal != nullptr) {
      if (const auto* meant = options_.journal->Find(entry.path)) {
        mode = meant->mode;
        uid = meant->uid;
        gid = meant->gid;
        major_id = major(meant->rdev);
        minor_id = minor(meant->rdev);
        for (const auto& xattr : meant->xattrs) xattrs.insert(xattr);
      }
    }
    std::string path(entry.path);
    text_ += path;
    if (S_ISDIR(mode)) text_ += "/";
    if (!S_ISDIR(mode) && st.stx_nlink > 1) {
      auto [it, is_first] = first_names_.try_emplace(st.stx_ino, path);
      if (!is_first) {
        text_ += " = " + it->second + "\n";
        return;
      }
    }
    if (S_ISFIFO(mode)) text_ += " |";
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
      text_ += S_ISCHR(mode) ? " c" : " b";
      text_ += std::to_string(major_id) + ":" + std::to_string(minor_id);
    }
    char word[64];
    if (!S_ISLNK(mode) && (mode & 07777) != (S_ISDIR(mode) ? 0755 : 0644)) {
      std::snprintf(word, sizeof word, " %04o", mode & 07777);
      text_ += word;
    }
    if (uid != 0 || gid != 0) {
      text_ += " " + std::to_string(uid) + ":" + std::to_string(gid);
    }
    if (options_.times) {
      std::snprintf(word, sizeof word, " @%lld.%09u",
                    static_cast<long long>(st.stx_mtime.tv_sec),
                    st.stx_mtime.tv_nsec);
      text_ += word;
    }
    for (const auto& [name, value] : xattrs) {
      text_ += " {" + name + "=" + value + "}";
    }
    if (S_ISREG(mode)) text_ += " " + Quote(ReadAt(path));
    if (S_ISLNK(mode)) {
      std::error_code ignored;
      text_ +=
          " -> " +
          std::filesystem::read_symlink(root_ + "/" + path, ignored).string();
    }
    text_ += "\n";
  }

  std::string ReadAt(const std::string& path) const {
    std::ifstream file(root_ + "/" + path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
  }

  std::string root_;
  const DescribeTreeOptions& options_;
  std::map<uint64_t, std::string> first_names_;
  std::string text_;
};

}  // namespace

void MakeTree(const std::string& path, std::string_view literal) {
  std::vector<Line> lines;
  for (std::string_view text : Split(literal, '\n')) {
    if (!Trim(text).empty()) lines.push_back(ParseLine(Trim(text)));
  }
  for (const Line& line : lines) Create(path, line);
  // From the inside out, since filling a directory changes its time.
  for (size_t i = lines.size(); i-- > 0;) SetMetadata(path, lines[i]);
}

std::string DescribeTree(const std::string& path,
                         const DescribeTreeOptions& options) {
  return Describer(path, options).Run();
}

}  // namespace strake::testing
