#include "tasks/gotmpl/format.h"

#include <algorithm>

#include "tasks/gotmpl/format_number.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// One conversion such as "%-8.3f".
class Printer {
 public:
  std::string Take() { return std::move(out_); }
  Status Good() const {
    if (out_.size() > kMaxText) {
      return InvalidArgument("the text would be longer than " +
                             HumanBytes(kMaxText));
    }
    if (too_deep_) {
      return InvalidArgument("the value is nested deeper than " +
                             std::to_string(kMaxNesting) + " levels");
    }
    return {};
  }
  bool Full() const { return out_.size() > kMaxText || too_deep_; }

  void Text(std::string_view text) { out_ += text; }

  void Print(const Value& value, const Conversion& how, int depth = 0) {
    if (Full()) return;
    if (depth > kMaxNesting) {
      too_deep_ = true;
      return;
    }
    if (how.verb == 'T') return Padded(TypeName(value), how);
    switch (value.kind()) {
      case Kind::kNil:
        if (how.verb == 'v') return Padded("<nil>", how);
        return BadVerb(value, how);
      case Kind::kBool:
        if (how.verb != 't' && how.verb != 'v') return BadVerb(value, how);
        return Padded(value.Bool() ? "true" : "false", how);
      case Kind::kInt:
      case Kind::kInt64:
        return Number(FormatInteger(value.Int(), how), value, how);
      case Kind::kFloat:
        return Number(FormatFloat(value.Float(), how), value, how);
      case Kind::kString:
        return String(value.String(), value, how);
      case Kind::kList:
        return PrintList(value, how, depth);
      case Kind::kDict:
        return PrintDict(value, how, depth);
      case Kind::kObject:
        return String(value.object().Print(), value, how);
    }
  }

 private:
  void Padded(std::string_view text, const Conversion& how) {
    out_ += Pad(text, how);
  }

  void Number(std::optional<std::string> text, const Value& value,
              const Conversion& how) {
    if (!text) return BadVerb(value, how);
    out_ += *text;
  }

  void String(const std::string& text, const Value& value,
              const Conversion& how) {
    auto formatted = FormatString(text, how);
    if (!formatted) return BadVerb(value, how);
    out_ += *formatted;
  }

  void PrintList(const Value& value, const Conversion& how, int depth) {
    bool syntax = how.verb == 'v' && how.sharp;
    if (syntax) out_ += TypeName(value);
    out_ += syntax ? "{" : "[";
    bool first = true;
    for (const Value& item : value.list().items()) {
      if (!first) out_ += syntax ? ", " : " ";
      first = false;
      PrintElement(item, how, depth);
      if (Full()) return;
    }
    out_ += syntax ? "}" : "]";
  }

  void PrintDict(const Value& value, const Conversion& how, int depth) {
    bool syntax = how.verb == 'v' && how.sharp;
    if (syntax) out_ += TypeName(value) + "{";
    if (!syntax) out_ += "map[";
    bool first = true;
    for (const auto& [key, item] : value.dict().items()) {
      if (!first) out_ += syntax ? ", " : " ";
      first = false;
      Print(Value(key), how, depth + 1);
      out_ += ":";
      PrintElement(item, how, depth);
      if (Full()) return;
    }
    out_ += syntax ? "}" : "]";
  }

  void PrintElement(const Value& item, const Conversion& how, int depth) {
    if (item.nil() && how.verb == 'v' && how.sharp) {
      out_ += "interface {}(nil)";
      return;
    }
    // Within a list, <nil> suits every verb.
    if (item.nil()) return Text("<nil>");
    Print(item, how, depth + 1);
  }

  void BadVerb(const Value& value, const Conversion& how) {
    out_ += "%!";
    AppendRune(out_, how.verb);
    out_ += "(";
    if (value.nil()) {
      out_ += "<nil>";
    } else {
      out_ += TypeName(value) + "=";
      Print(value, Conversion(), kMaxNesting);
    }
    out_ += ")";
  }

  std::string out_;
  bool too_deep_ = false;
};

// A format and the arguments that it consumes.
class Formatter {
 public:
  Formatter(std::string_view format, const std::vector<Value>& values)
      : format_(format), values_(values) {}

  Result<std::string> Run() {
    while (!format_.empty() && !printer_.Full()) {
      size_t percent = std::min(format_.find('%'), format_.size());
      printer_.Text(format_.substr(0, percent));
      format_.remove_prefix(percent);
      if (format_.empty()) break;
      format_.remove_prefix(1);
      Convert();
    }
    if (!reordered_ && next_ < values_.size()) Extra();
    RETURN_IF_ERROR(printer_.Good());
    return printer_.Take();
  }

 private:
  bool Take(char c) {
    if (!format_.starts_with(c)) return false;
    format_.remove_prefix(1);
    return true;
  }

  void Flags(Conversion& how) {
    while (true) {
      if (Take('#')) {
        how.sharp = true;
      } else if (Take('0')) {
        how.zero = !how.minus;
      } else if (Take('+')) {
        how.plus = true;
      } else if (Take('-')) {
        how.minus = true;
        how.zero = false;
      } else if (Take(' ')) {
        how.space = true;
      } else {
        return;
      }
    }
  }

  std::optional<int> Digits() {
    size_t count = 0;
    while (count < format_.size() && IsDigit(format_[count])) ++count;
    if (count == 0) return std::nullopt;
    auto number = ParseUint(format_.substr(0, count));
    format_.remove_prefix(count);
    // As fmt: a number too large is as if there were none.
    if (!number || *number > 1000000) return std::nullopt;
    return static_cast<int>(*number);
  }

  // "[n]": the next argument is the n-th.
  void Index() {
    if (!format_.starts_with('[')) return;
    reordered_ = true;
    size_t close = format_.find(']');
    if (close == std::string_view::npos) {
      format_.remove_prefix(1);
      bad_index_ = true;
      return;
    }
    auto number = ParseUint(format_.substr(1, close - 1));
    format_.remove_prefix(close + 1);
    if (!number || *number < 1 || *number > values_.size()) {
      bad_index_ = true;
      return;
    }
    next_ = *number - 1;
  }

  // The number that a "*" stands for.
  std::optional<int> Star(std::string_view complaint) {
    const Value* value = next_ < values_.size() ? &values_[next_++] : nullptr;
    if (value != nullptr && value->kind() == Kind::kInt &&
        value->Int() >= -1000000 && value->Int() <= 1000000) {
      return static_cast<int>(value->Int());
    }
    printer_.Text(complaint);
    return std::nullopt;
  }

  void Width(Conversion& how) {
    Index();
    if (Take('*')) {
      how.width = Star("%!(BADWIDTH)");
      if (how.width && *how.width < 0) {
        how.width = -*how.width;
        how.minus = true;
        how.zero = false;
      }
    } else {
      how.width = Digits();
    }
  }

  void Precision(Conversion& how) {
    if (!Take('.')) return;
    Index();
    if (Take('*')) {
      how.precision = Star("%!(BADPREC)");
      if (how.precision && *how.precision < 0) {
        how.precision.reset();
        printer_.Text("%!(BADPREC)");
      }
    } else {
      how.precision = Digits().value_or(0);
    }
  }

  // Behind the "%".
  void Convert() {
    Conversion how;
    bad_index_ = false;
    Flags(how);
    Width(how);
    Precision(how);
    Index();
    if (format_.empty()) return printer_.Text("%!(NOVERB)");
    size_t length = 1;
    how.verb = FirstRune(format_, length);
    std::string_view verb = format_.substr(0, length);
    format_.remove_prefix(length);
    if (how.verb == '%') return printer_.Text("%");
    if (bad_index_) return Complain(verb, "(BADINDEX)");
    if (next_ >= values_.size()) return Complain(verb, "(MISSING)");
    // %+v is about field names of structs, not about signs.
    if (how.verb == 'v') how.plus = false;
    printer_.Print(values_[next_++], how);
  }

  void Complain(std::string_view verb, std::string_view what) {
    printer_.Text("%!");
    printer_.Text(verb);
    printer_.Text(what);
  }

  void Extra() {
    printer_.Text("%!(EXTRA ");
    for (size_t i = next_; i < values_.size(); ++i) {
      if (i > next_) printer_.Text(", ");
      const Value& value = values_[i];
      if (!value.nil()) printer_.Text(TypeName(value) + "=");
      printer_.Print(value, Conversion());
    }
    printer_.Text(")");
  }

  std::string_view format_;
  const std::vector<Value>& values_;
  Printer printer_;
  size_t next_ = 0;
  bool reordered_ = false;
  bool bad_index_ = false;
};

enum class Blanks { kBetweenNonStrings, kAlways };

Result<std::string> PrintAll(const std::vector<Value>& values, Blanks blanks) {
  Printer printer;
  for (size_t i = 0; i < values.size(); ++i) {
    bool text = values[i].kind() == Kind::kString ||
                (i > 0 && values[i - 1].kind() == Kind::kString);
    if (i > 0 && (blanks == Blanks::kAlways || !text)) printer.Text(" ");
    printer.Print(values[i], Conversion());
  }
  if (blanks == Blanks::kAlways) printer.Text("\n");
  RETURN_IF_ERROR(printer.Good());
  return printer.Take();
}

}  // namespace

Result<std::string> Sprint(const std::vector<Value>& values) {
  return PrintAll(values, Blanks::kBetweenNonStrings);
}

Result<std::string> Sprintln(const std::vector<Value>& values) {
  return PrintAll(values, Blanks::kAlways);
}

Result<std::string> Sprintf(std::string_view format,
                            const std::vector<Value>& values) {
  return Formatter(format, values).Run();
}

Result<std::string> PrintValue(const Value& value) { return Sprint({value}); }

}  // namespace strake::tasks::gotmpl
