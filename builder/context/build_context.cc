#include "builder/context/build_context.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <utility>

#include "builder/context/tree_writer.h"
#include "builder/context/unpack_archive.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxDockerfileBytes = uint64_t{16} << 20;

Result<std::string> ReadInRoot(int root, std::string_view path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenInRoot(root, path, O_RDONLY | O_NONBLOCK));
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) {
    return ErrnoError("stat " + std::string(path));
  }
  if (!S_ISREG(st.st_mode)) {
    return InvalidArgument(std::string(path) + " is not a regular file");
  }
  FdSource source(std::move(fd));
  return ReadAll(source, kMaxFileBytes);
}

// An ignore file that exists: its name for messages, and its text.
struct IgnoreFile {
  std::string name;
  std::string text;
};

// The one ignore file that counts, if there is any.
Result<std::optional<IgnoreFile>> FindIgnoreFile(
    int root, const std::string& dockerfile_path) {
  auto found =
      [](std::string name,
         Result<std::string> text) -> Result<std::optional<IgnoreFile>> {
    if (text) return std::optional(IgnoreFile{name, *std::move(text)});
    if (text.error().code() == ErrorCode::kNotFound) {
      return std::optional<IgnoreFile>();
    }
    return std::move(text).error().Wrap("read " + name);
  };
  if (!dockerfile_path.empty()) {
    std::string path = dockerfile_path + ".dockerignore";
    ASSIGN_OR_RETURN(std::optional<IgnoreFile> own,
                     found(path.substr(path.rfind('/') + 1),
                           strake::ReadFile(path, kMaxFileBytes)));
    if (own) return own;
  }
  for (const char* name : {".containerignore", ".dockerignore"}) {
    ASSIGN_OR_RETURN(std::optional<IgnoreFile> file,
                     found(name, ReadInRoot(root, name)));
    if (file) return file;
  }
  return std::optional<IgnoreFile>();
}

// The line of each pattern in `text`, from 1.
std::vector<size_t> PatternLines(std::string_view text,
                                 const std::vector<std::string>& patterns) {
  std::vector<size_t> lines;
  size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    for (const std::string& pattern : dockerfile::ReadIgnoreFile(line)) {
      if (lines.size() == patterns.size() ||
          pattern != patterns[lines.size()]) {
        return {};
      }
      lines.push_back(number);
    }
  }
  return lines;
}

Result<std::unique_ptr<IgnoreRules>> CompileRules(const IgnoreFile& file) {
  auto rules = std::make_unique<IgnoreRules>();
  rules->file = file.name;
  std::vector<std::string> patterns = dockerfile::ReadIgnoreFile(file.text);
  rules->lines = PatternLines(file.text, patterns);
  auto matcher = dockerfile::IgnoreMatcher::Compile(patterns);
  if (matcher) {
    rules->matcher = *std::move(matcher);
    return rules;
  }
  std::string where = file.name;
  for (size_t i = 0; i < rules->lines.size(); ++i) {
    if (!dockerfile::IgnoreMatcher::Compile({patterns[i]})) {
      where += ":" + std::to_string(rules->lines[i]);
      break;
    }
  }
  return std::move(matcher).error().Wrap(where);
}

}  // namespace

BuildContext::BuildContext(BuildContext&& other) noexcept
    : path_(std::move(other.path_)),
      root_(std::move(other.root_)),
      ignore_(std::move(other.ignore_)),
      journal_(std::move(other.journal_)),
      owned_by_root_(other.owned_by_root_),
      hidden_(std::move(other.hidden_)),
      temporary_name_(std::exchange(other.temporary_name_, "")),
      temporary_parent_(std::move(other.temporary_parent_)) {}

BuildContext& BuildContext::operator=(BuildContext&& other) noexcept {
  BuildContext taken(std::move(other));
  std::swap(path_, taken.path_);
  std::swap(root_, taken.root_);
  std::swap(ignore_, taken.ignore_);
  std::swap(journal_, taken.journal_);
  std::swap(owned_by_root_, taken.owned_by_root_);
  std::swap(hidden_, taken.hidden_);
  std::swap(temporary_name_, taken.temporary_name_);
  std::swap(temporary_parent_, taken.temporary_parent_);
  return *this;
}

BuildContext::~BuildContext() {
  if (temporary_name_.empty()) return;
  // What cannot be removed lies in the temporary folder of the store, which is
  // cleaned up with it.
  static_cast<void>(
      RemoveAllAt(temporary_parent_.get(), temporary_name_.c_str()));
}

SourceTree BuildContext::tree() const {
  SourceTree tree;
  tree.root = root_.get();
  tree.journal = journal_.get();
  tree.ignore = ignore_.get();
  tree.owned_by_root = owned_by_root_;
  tree.hidden = hidden_;
  return tree;
}

Result<std::string> BuildContext::ReadFile(std::string_view path) const {
  return ReadInRoot(root_.get(), path);
}

Result<BuildContext> OpenLocalContext(const std::string& path,
                                      const LocalContextOptions& options) {
  BuildContext context;
  context.path_ = path;
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) {
    return ErrnoError("build context " + GoQuote(path));
  }
  if (!S_ISDIR(st.st_mode)) {
    return InvalidArgument("build context " + GoQuote(path) +
                           " is not a folder");
  }
  auto root = OpenFile(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!root) return std::move(root).error().Wrap("build context");
  context.root_ = *std::move(root);
  ASSIGN_OR_RETURN(
      std::optional<IgnoreFile> ignore_file,
      FindIgnoreFile(context.root_.get(), options.dockerfile_path));
  if (ignore_file) {
    ASSIGN_OR_RETURN(context.ignore_, CompileRules(*ignore_file));
  }
  for (const std::string& hidden : options.hidden_paths) {
    if (::stat(hidden.c_str(), &st) == 0) {
      context.hidden_.push_back({st.st_dev, st.st_ino});
    }
  }
  return context;
}

Result<TemporaryContext> MakeTemporaryContext(
    const std::string& temporary_directory, ContextOwners owners) {
  TemporaryContext made;
  BuildContext& context = made.context;
  ASSIGN_OR_RETURN(context.temporary_parent_,
                   OpenFile(temporary_directory.c_str(), O_PATH | O_DIRECTORY));
  std::string path = temporary_directory + "/context-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return ErrnoError("make a folder for the build context in " +
                      temporary_directory);
  }
  context.path_ = path;
  context.temporary_name_ = path.substr(path.rfind('/') + 1);
  context.owned_by_root_ = owners == ContextOwners::kRoot;
  ASSIGN_OR_RETURN(context.root_,
                   OpenFile(path.c_str(), O_RDONLY | O_DIRECTORY));
  context.journal_ = std::make_unique<OwnershipJournal>();
  made.journal = context.journal_.get();
  return made;
}

Result<StreamContext> OpenStreamContext(
    ByteSource& stream, const std::string& temporary_directory) {
  ASSIGN_OR_RETURN(
      TemporaryContext temporary,
      MakeTemporaryContext(temporary_directory, ContextOwners::kAsWritten));
  StreamContext result;
  PeekSource source(stream);
  ASSIGN_OR_RETURN(std::string_view head, source.Peek(kArchiveProbeBytes));
  if (head.empty()) {
    return InvalidArgument("build context from a stream: the stream is empty");
  }
  if (!LooksLikeArchive(head)) {
    auto text = ReadAll(source, kMaxDockerfileBytes);
    if (!text) {
      return std::move(text).error().Wrap(
          "the stream is no tar archive, and too long for a Dockerfile");
    }
    result.dockerfile = *std::move(text);
    result.context = std::move(temporary.context);
    return result;
  }
  TreeWriter writer(temporary.context.root(), temporary.journal, nullptr);
  auto unpacked = UnpackArchive(source, writer, "", {});
  if (!unpacked) {
    return std::move(unpacked).error().Wrap("build context from a stream");
  }
  // What follows the end of the archive, so that its writer gets rid of it.
  NullSink rest;
  RETURN_IF_ERROR(CopyAll(source, rest));
  result.context = std::move(temporary.context);
  return result;
}

}  // namespace strake::builder::context
