#include "tasks/run/step_outputs.h"

#include <algorithm>
#include <vector>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

Error Wrong(size_t line, const std::string& what) {
  return InvalidArgument("line " + std::to_string(line) + ": " + what);
}

bool IsKey(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

struct Entry {
  std::string_view key;
  std::string_view rest;
  bool several = false;  // `rest` ends a value of several lines
};

// The key is what comes before the first "=", or the first "<<" if that is
// earlier.
Result<Entry> ReadEntry(std::string_view text, size_t line) {
  const size_t equals = text.find('=');
  const size_t opening = text.find("<<");
  Entry entry;
  if (opening < equals) {
    entry = {text.substr(0, opening), Trim(text.substr(opening + 2)), true};
    if (entry.rest.empty()) return Wrong(line, "expected KEY<<END");
  } else if (equals != std::string_view::npos) {
    entry = {text.substr(0, equals), text.substr(equals + 1), false};
  } else {
    return Wrong(line,
                 "expected KEY=VALUE, found \"" + std::string(text) + "\"");
  }
  if (!IsKey(entry.key)) {
    return Wrong(line, "\"" + std::string(entry.key) +
                           "\": a key is made of letters, digits, \"_\" and "
                           "\"-\"");
  }
  return entry;
}

}  // namespace

Result<std::map<std::string, std::string>> ParseOutputs(std::string_view text) {
  std::map<std::string, std::string> outputs;
  const std::vector<std::string_view> lines = Split(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (Trim(lines[i]).empty()) continue;
    ASSIGN_OR_RETURN(Entry entry, ReadEntry(lines[i], i + 1));
    std::string value(entry.rest);
    if (entry.several) {
      const size_t first = ++i;
      value.clear();
      while (i < lines.size() && lines[i] != entry.rest) ++i;
      if (i == lines.size()) {
        return Wrong(first, "there is no line \"" + std::string(entry.rest) +
                                "\" to end the value");
      }
      for (size_t j = first; j < i; ++j) {
        value += (j == first ? "" : "\n") + std::string(lines[j]);
      }
    }
    outputs[std::string(entry.key)] = std::move(value);
  }
  return outputs;
}

}  // namespace strake::tasks::run
