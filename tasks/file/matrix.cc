#include "tasks/file/matrix.h"

#include <cctype>
#include <set>
#include <utility>

#include "util/result_macros.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kMatrix = "matrix";
constexpr size_t kMaxSteps = 256;

struct Axis {
  std::string name;
  std::vector<std::string> values;
};

std::vector<Axis> ReadAxes(const YamlNode& matrix, Decoder& decoder,
                           Problems& problems) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < matrix.items.size(); ++i) {
    const YamlNode& values = matrix.items[i];
    Axis axis{matrix.keys[i], decoder.Strings(&values)};
    if (values.is_null() || (values.is_list() && axis.values.empty())) {
      problems.Add(decoder.At(matrix.key_marks[i]),
                   "matrix: \"" + axis.name + "\" has no values");
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

// What an id may hold; everything else becomes "-".
std::string ForId(const std::string& value) {
  std::string id;
  for (char c : value) {
    bool allowed = std::isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                   c == '_' || c == '-';
    id += allowed ? c : '-';
  }
  return id;
}

std::vector<MatrixStep> Combine(const std::vector<Axis>& axes) {
  std::vector<MatrixStep> steps(1);
  for (const Axis& axis : axes) {
    std::vector<MatrixStep> more;
    for (const MatrixStep& step : steps) {
      for (const std::string& value : axis.values) {
        MatrixStep next = step;
        next.values[axis.name] = value;
        next.suffix += "-" + ForId(value);
        more.push_back(std::move(next));
        if (more.size() > kMaxSteps) return more;
      }
    }
    steps = std::move(more);
  }
  return steps;
}

YamlNode WithoutMatrix(const YamlNode& step) {
  YamlNode rest = step;
  for (size_t i = rest.keys.size(); i-- > 0;) {
    if (rest.keys[i] != kMatrix) continue;
    auto at = static_cast<std::ptrdiff_t>(i);
    rest.keys.erase(rest.keys.begin() + at);
    rest.key_marks.erase(rest.key_marks.begin() + at);
    rest.items.erase(rest.items.begin() + at);
  }
  return rest;
}

void RenderStrings(const RenderString& render, const MatrixValues& matrix,
                   Decoder& decoder, Problems& problems, YamlNode& node) {
  for (YamlNode& item : node.items) {
    RenderStrings(render, matrix, decoder, problems, item);
  }
  if (node.text.find("{{") == std::string::npos) return;
  auto text = render(node.text, matrix);
  if (!text) {
    problems.Add(decoder.At(node), text.error().message());
    return;
  }
  node.text = std::move(*text);
}

}  // namespace

std::vector<MatrixStep> ExpandMatrix(const YamlNode& step,
                                     const RenderString& render,
                                     Decoder& decoder, Problems& problems) {
  const YamlNode* matrix = step.Find(kMatrix);
  if (!decoder.is_strake() || !decoder.IsMap(matrix, "map[string][]string")) {
    return {{step, {}, ""}};
  }
  std::vector<Axis> axes = ReadAxes(*matrix, decoder, problems);
  std::vector<MatrixStep> steps = Combine(axes);
  Place place = decoder.At(*matrix);
  if (steps.size() > kMaxSteps) {
    problems.Add(place, "matrix: more than " + std::to_string(kMaxSteps) +
                            " combinations");
    return {{step, {}, ""}};
  }
  YamlNode rest = WithoutMatrix(step);
  std::set<std::string> suffixes;
  for (MatrixStep& one : steps) {
    if (!suffixes.insert(one.suffix).second) {
      problems.Add(place,
                   "matrix: two combinations give the same step ID, "
                   "which ends in " +
                       one.suffix);
    }
    one.node = rest;
    RenderStrings(render, one.values, decoder, problems, one.node);
  }
  return steps;
}

}  // namespace strake::tasks::file
