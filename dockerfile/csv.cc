#include "dockerfile/csv.h"

namespace strake::dockerfile {
namespace {

// Reads the quoted field at the start of `rest`, its closing quote included.
Result<std::string> ReadQuoted(std::string_view& rest) {
  std::string field;
  rest.remove_prefix(1);
  while (true) {
    size_t quote = rest.find('"');
    if (quote == std::string_view::npos) {
      return InvalidArgument("a quoted field has no closing quote");
    }
    field += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (rest.empty() || rest[0] == ',') return field;
    if (rest[0] != '"') {
      return InvalidArgument("text follows the closing quote of a field");
    }
    field += '"';
    rest.remove_prefix(1);
  }
}

}  // namespace

Result<std::vector<std::string>> SplitCsv(std::string_view record) {
  std::vector<std::string> fields;
  while (true) {
    if (!record.empty() && record[0] == '"') {
      auto field = ReadQuoted(record);
      if (!field) return std::move(field).error();
      fields.push_back(std::move(*field));
    } else {
      size_t comma = record.find(',');
      std::string_view field = record.substr(0, comma);
      if (field.find('"') != std::string_view::npos) {
        return InvalidArgument("a quote stands within the unquoted field " +
                               std::string(field));
      }
      fields.emplace_back(field);
      record.remove_prefix(field.size());
    }
    if (record.empty()) return fields;
    record.remove_prefix(1);
  }
}

}  // namespace strake::dockerfile
