// COPY and ADD.

#include <string>
#include <utility>

#include "dockerfile/instruction_parser.h"

namespace strake::dockerfile {
namespace {

constexpr FlagSpec kCopyFlags[] = {
    {"from", FlagType::kString},  {"chown", FlagType::kString},
    {"chmod", FlagType::kString}, {"link", FlagType::kBool},
    {"parents", FlagType::kBool}, {"exclude", FlagType::kStrings},
};

constexpr FlagSpec kAddFlags[] = {
    {"chown", FlagType::kString},    {"chmod", FlagType::kString},
    {"link", FlagType::kBool},       {"keep-git-dir", FlagType::kBool},
    {"checksum", FlagType::kString}, {"unpack", FlagType::kBool},
    {"exclude", FlagType::kStrings},
};

std::optional<bool> GivenBool(const ParseFlagsResult& flags,
                              std::string_view name) {
  const Flag* flag = flags.Find(name);
  if (flag == nullptr) return {};
  return flag->value == "true";
}

bool IsHeredocWord(std::string_view word) {
  auto heredoc = ParseHeredocWord(word);
  return heredoc && heredoc->has_value();
}

}  // namespace

bool InstructionParser::AddCopySource(const Word& word, size_t& next_heredoc,
                                      CopySources& copy) {
  Located place = Locate(word);
  if (!IsHeredocWord(word.text)) {
    copy.sources.push_back(std::move(place));
    return true;
  }
  if (next_heredoc == heredocs_.size()) {
    return FailArgs("a heredoc cannot be used in JSON form",
                    "write " + name_ + " <<EOF /destination");
  }
  copy.heredocs.push_back(heredocs_[next_heredoc++].doc);
  return true;
}

bool InstructionParser::ParseCopySources(const ParseFlagsResult& flags,
                                         CopySources& copy) {
  auto words = JsonOrWords();
  if (!words) return false;
  if (words->size() < 2) {
    return FailArgs(name_ +
                    " requires at least two arguments, but only one was "
                    "provided. Destination could not be determined");
  }
  if (IsHeredocWord(words->back().text)) {
    return FailArgs(name_ + " cannot accept a heredoc as a destination");
  }
  size_t next_heredoc = 0;
  copy.destination = Locate(words->back());
  words->pop_back();
  for (const Word& word : *words) {
    if (!AddCopySource(word, next_heredoc, copy)) return false;
  }
  if (next_heredoc != heredocs_.size()) {
    // `<< EOF` and `<<"a b"` are heredocs, but not as words of a list.
    return FailArgs("a heredoc of " + name_ + " must be a single word",
                    "write <<EOF without blanks in it");
  }
  copy.chown = FlagText(flags, "chown");
  copy.chmod = FlagText(flags, "chmod");
  copy.link = flags.IsTrue("link");
  for (const Flag& flag : flags.flags) {
    if (flag.name == "exclude") copy.exclude.push_back(flag.value);
  }
  return true;
}

InstructionParser::Body InstructionParser::ParseCopy() {
  ParseFlagsResult flags = Flags(kCopyFlags);
  Copy copy;
  if (!ParseCopySources(flags, copy)) return {};
  copy.parents = flags.IsTrue("parents");
  copy.from = FlagText(flags, "from");
  if (const Flag* from = flags.Find("from")) {
    size_t dollar = from->value.find('$');
    if (dollar != std::string::npos && dollar + 1 < from->value.size()) {
      Fail(
          "variable expansion is not supported for --from, define a new stage "
          "with FROM using ARG from global scope as a workaround",
          from->begin, from->end);
    }
  }
  return copy;
}

InstructionParser::Body InstructionParser::ParseAdd() {
  ParseFlagsResult flags = Flags(kAddFlags);
  Add add;
  if (!ParseCopySources(flags, add)) return {};
  add.keep_git_dir = GivenBool(flags, "keep-git-dir");
  add.unpack = GivenBool(flags, "unpack");
  add.checksum = FlagText(flags, "checksum");
  if (add.checksum && add.sources.size() != 1) {
    const Flag* flag = flags.Find("checksum");
    Fail("checksum can't be specified for multiple sources", flag->begin,
         flag->end);
  }
  return add;
}

}  // namespace strake::dockerfile
