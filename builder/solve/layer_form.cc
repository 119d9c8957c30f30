#include "builder/solve/layer_form.h"

#include <optional>

namespace strake::builder::solve {
namespace {

constexpr std::string_view kContents = "2";

struct FormParts {
  std::string contents;
  std::optional<oci::Timestamp> clamp;
};

// Nothing for what no strake has written.
std::optional<FormParts> ReadForm(std::string_view form) {
  const size_t algorithm = form.find(':');
  if (algorithm == std::string_view::npos) return {};
  const size_t level = form.find(':', algorithm + 1);
  if (level == std::string_view::npos) return {};
  FormParts parts;
  parts.contents = form.substr(0, algorithm);
  const size_t time = form.find(':', level + 1);
  if (time == std::string_view::npos) return parts;
  auto clamp = oci::ParseTimestamp(form.substr(time + 1));
  if (!clamp) return {};
  parts.clamp = *clamp;
  return parts;
}

std::string InWords(const std::optional<FormParts>& form) {
  if (!form || form->contents != kContents) return "of another strake";
  if (!form->clamp) return "times as they are";
  return "times set back to " + oci::FormatTimestamp(*form->clamp);
}

}  // namespace

std::string LayerForm(const SolveOptions& options) {
  std::string form(kContents);
  form += ":";
  form += oci::CompressionName(options.compression.algorithm);
  form += ":" + std::to_string(options.compression.level);
  if (options.layers.clamp_mtime) {
    form += ":" + oci::FormatTimestamp(*options.layers.clamp_mtime);
  }
  return form;
}

LayerUse UseOfLayer(std::string_view have, std::string_view want) {
  if (have == want) return LayerUse::kAsItIs;
  const auto had = ReadForm(have);
  const auto wanted = ReadForm(want);
  if (!had || !wanted || had->contents != wanted->contents) {
    return LayerUse::kNone;
  }
  if (had->clamp == wanted->clamp) return LayerUse::kSameTar;
  const bool may_set_back =
      wanted->clamp && (!had->clamp || *wanted->clamp <= *had->clamp);
  return may_set_back ? LayerUse::kSameFiles : LayerUse::kNone;
}

std::pair<std::string, std::string> FormDifference(std::string_view have,
                                                   std::string_view want) {
  return {InWords(ReadForm(have)), InWords(ReadForm(want))};
}

}  // namespace strake::builder::solve
