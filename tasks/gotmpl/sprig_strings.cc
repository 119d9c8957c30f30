// Texts. Positions and widths are bytes, as in Go.

#include <algorithm>

#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

Result<std::string> Repeated(int64_t count, const std::string& text) {
  if (count < 0) return InvalidArgument("strings: negative Repeat count");
  size_t times = static_cast<size_t>(count);
  std::string out;
  if (text.empty()) return out;
  if (times > kMaxText / text.size()) {
    return InvalidArgument(std::to_string(times) + " times " +
                           HumanBytes(text.size()) + "; a template may make " +
                           HumanBytes(kMaxText));
  }
  out.reserve(times * text.size());
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Without the runes of `cutset` at either end.
std::string TrimRunes(const std::string& cutset, const std::string& text) {
  std::u32string cut = Runes(cutset);
  std::u32string runes = Runes(text);
  size_t begin = runes.find_first_not_of(cut);
  if (begin == std::u32string::npos) return "";
  size_t end = runes.find_last_not_of(cut) + 1;
  return FromRunes(std::u32string_view(runes).substr(begin, end - begin));
}

Result<std::string> Replaced(const std::string& from, const std::string& to,
                             const std::string& text) {
  std::string out;
  size_t at = 0;
  while (at <= text.size()) {
    // An empty text is found before each rune and at the end.
    size_t found = from.empty() ? at : text.find(from, at);
    if (found == std::string::npos) break;
    out += text.substr(at, found - at) + to;
    at = found + from.size();
    RETURN_IF_ERROR(CheckTextSize(out.size()));
    if (!from.empty()) continue;
    if (at == text.size()) return out;
    size_t length = 1;
    FirstRune(std::string_view(text).substr(at), length);
    out += text.substr(at, length);
    at += length;
  }
  return out + text.substr(std::min(at, text.size()));
}

Result<std::string> Indented(int64_t width, const std::string& text) {
  ASSIGN_OR_RETURN(std::string pad, Repeated(width, " "));
  ASSIGN_OR_RETURN(std::string rest, Replaced("\n", "\n" + pad, text));
  return pad + rest;
}

Result<std::string> Substring(int64_t start, int64_t end,
                              const std::string& text) {
  auto size = static_cast<int64_t>(text.size());
  if (start < 0) {
    start = 0;
  } else if (end < 0 || end > size) {
    end = size;
  }
  if (end < start || end > size) {
    return InvalidArgument("slice bounds out of range [" +
                           std::to_string(start) + ":" + std::to_string(end) +
                           "] of " + std::to_string(size) + " bytes");
  }
  return text.substr(static_cast<size_t>(start),
                     static_cast<size_t>(end - start));
}

// The first `count` bytes, or, where it is negative, the last ones.
std::string Truncated(int64_t count, const std::string& text) {
  auto size = static_cast<int64_t>(text.size());
  if (count < 0 && size + count > 0) {
    return text.substr(static_cast<size_t>(size + count));
  }
  if (count >= 0 && size > count) {
    return text.substr(0, static_cast<size_t>(count));
  }
  return text;
}

// "...within...", `width` bytes long, from about byte `offset` on.
std::string Abbreviated(const std::string& text, int64_t offset,
                        int64_t width) {
  auto size = static_cast<int64_t>(text.size());
  if (size <= width) return text;
  auto part = [&](int64_t from, int64_t length) {
    return text.substr(static_cast<size_t>(from), static_cast<size_t>(length));
  };
  // Near the end, as much as fits behind the dots is shown.
  offset = std::min(offset, size - (width - 3));
  if (offset <= 4) return part(0, width - 3) + "...";
  if (offset + width - 3 < size) return "..." + part(offset, width - 6) + "...";
  return "..." + part(size - (width - 3), width - 3);
}

Result<std::string> Quoted(const std::vector<Value>& values) {
  std::vector<std::string> quoted;
  for (const Value& value : values) {
    if (value.nil()) continue;
    ASSIGN_OR_RETURN(std::string text, ToText(value));
    quoted.push_back(GoQuote(text));
  }
  return Join(quoted, " ");
}

Result<std::string> SingleQuoted(const std::vector<Value>& values) {
  std::vector<std::string> quoted;
  for (const Value& value : values) {
    if (value.nil()) continue;
    ASSIGN_OR_RETURN(std::string text, ToText(value));
    quoted.push_back("'" + text + "'");
  }
  return Join(quoted, " ");
}

Result<std::string> Concatenated(const std::vector<Value>& values) {
  std::vector<std::string> texts;
  size_t size = 0;
  for (const Value& value : values) {
    if (value.nil()) continue;
    ASSIGN_OR_RETURN(std::string text, ToText(value));
    size += text.size() + 1;
    RETURN_IF_ERROR(CheckTextSize(size));
    texts.push_back(std::move(text));
  }
  return Join(texts, " ");
}

void AddTrims(Functions& functions) {
  AddFunction(functions, "trim", [](std::string text) {
    return std::string(TrimSpaceText(text));
  });
  AddFunction(functions, "trimAll", TrimRunes);
  AddFunction(functions, "trimall", TrimRunes);
  AddFunction(functions, "trimSuffix",
              [](std::string suffix, std::string text) {
                if (!text.ends_with(suffix)) return text;
                return text.substr(0, text.size() - suffix.size());
              });
  AddFunction(functions, "trimPrefix",
              [](std::string prefix, std::string text) {
                if (!text.starts_with(prefix)) return text;
                return text.substr(prefix.size());
              });
}

void AddParts(Functions& functions) {
  AddFunction(functions, "substr", Substring);
  AddFunction(functions, "trunc", Truncated);
  AddFunction(functions, "abbrev", [](int64_t width, std::string text) {
    return width < 4 ? text : Abbreviated(text, 0, width);
  });
  AddFunction(functions, "abbrevboth",
              [](int64_t left, int64_t right, std::string text) {
                if (right < 4 || (left > 0 && right < 7)) return text;
                return Abbreviated(text, left, right);
              });
  AddFunction(functions, "contains", [](std::string part, std::string text) {
    return text.find(part) != std::string::npos;
  });
  AddFunction(functions, "hasPrefix", [](std::string part, std::string text) {
    return text.starts_with(part);
  });
  AddFunction(functions, "hasSuffix", [](std::string part, std::string text) {
    return text.ends_with(part);
  });
}

}  // namespace

void AddSprigStrings(Functions& functions) {
  AddTrims(functions);
  AddParts(functions);
  AddFunction(functions, "upper",
              [](std::string text) { return UpperText(text); });
  AddFunction(functions, "lower",
              [](std::string text) { return LowerText(text); });
  AddFunction(functions, "repeat", Repeated);
  AddFunction(functions, "replace", Replaced);
  AddFunction(functions, "indent", Indented);
  AddFunction(functions, "nindent",
              [](int64_t width, std::string text) -> Result<std::string> {
                ASSIGN_OR_RETURN(std::string indented, Indented(width, text));
                return "\n" + indented;
              });
  AddFunction(functions, "plural",
              [](std::string one, std::string many, int64_t count) {
                return count == 1 ? one : many;
              });
  AddFunction(functions, "quote",
              [](Rest<Value> values) { return Quoted(values); });
  AddFunction(functions, "squote",
              [](Rest<Value> values) { return SingleQuoted(values); });
  AddFunction(functions, "cat",
              [](Rest<Value> values) { return Concatenated(values); });
}

}  // namespace strake::tasks::gotmpl
