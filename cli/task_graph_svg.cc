#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "cli/task_graph.h"
#include "cli/xml_text.h"
#include "tasks/file/graph_layout.h"

namespace strake::cli {
namespace {

using tasks::file::GraphLayout;
using tasks::file::Step;
using tasks::file::Task;

constexpr double kLetter = 8;  // of the widest letters of an id, at 14 px
constexpr double kMinWidth = 90;
constexpr double kHeight = 46;
constexpr double kPassing = 16;  // what an edge takes that passes a layer
constexpr double kRowGap = 18;
constexpr double kLayerGap = 70;
constexpr double kMargin = 20;

constexpr std::string_view kStyle =
    "<style>\n"
    "text{font:14px sans-serif;fill:#1f2328;text-anchor:middle}\n"
    ".kind{font-size:11px;fill:#59636e}\n"
    ".edge{fill:none;stroke:#818b98;stroke-width:1.5}\n"
    "marker path{fill:#818b98}\n"
    "rect{stroke-width:1.5}\n"
    ".cmd{fill:#ddf4ff;stroke:#0969da}\n"
    ".build{fill:#fff1d6;stroke:#9a6700}\n"
    ".push{fill:#dafbe1;stroke:#1a7f37}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#f0f6fc}.kind{fill:#9198a1}\n"
    ".cmd{fill:#0c2d6b;stroke:#4493f8}\n"
    ".build{fill:#4b2900;stroke:#d29922}\n"
    ".push{fill:#033a16;stroke:#3fb950}\n"
    "}\n</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
    "markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\" "
    "markerUnits=\"userSpaceOnUse\"><path d=\"M0 0 8 4 0 8Z\"/></marker>"
    "</defs>\n";

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", value);
  return text;
}

// How many characters UTF-8 text has.
double Letters(std::string_view text) {
  return static_cast<double>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

class Drawing {
 public:
  explicit Drawing(const Task& task)
      : task_(task), layout_(tasks::file::LayOutGraph(task)) {
    Place();
  }

  std::string Draw() const {
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                      Number(width_) + "\" height=\"" + Number(height_) +
                      "\" viewBox=\"0 0 " + Number(width_) + " " +
                      Number(height_) + "\">\n<title>" +
                      XmlText("Steps of " + task_.file) + "</title>\n";
    svg += kStyle;
    for (const GraphLayout::Edge& edge : layout_.edges) svg += DrawEdge(edge);
    for (size_t i = 0; i < task_.steps.size(); ++i) svg += DrawStep(i);
    return svg + "</svg>\n";
  }

 private:
  struct Box {
    double x = 0, y = 0;  // of its middle
    double width = 0;
  };

  double HeightOf(size_t node) const {
    return layout_.nodes[node].step ? kHeight : kPassing;
  }
  double HeightOf(const std::vector<size_t>& layer) const {
    double height = -kRowGap;
    for (size_t node : layer) height += HeightOf(node) + kRowGap;
    return height;
  }
  double WidthOf(const std::vector<size_t>& layer) const {
    double width = kMinWidth;
    for (size_t node : layer) {
      auto step = layout_.nodes[node].step;
      if (!step) continue;
      double letters = Letters(task_.steps[*step].id);
      width = std::max(width, letters * kLetter + 24);
    }
    return width;
  }

  // Each layer as wide as its widest step, and in the middle of the height.
  void Place() {
    boxes_.resize(layout_.nodes.size());
    for (const auto& layer : layout_.layers) {
      height_ = std::max(height_, HeightOf(layer) + 2 * kMargin);
    }
    double left = kMargin;
    for (const auto& layer : layout_.layers) {
      double width = WidthOf(layer);
      double top = (height_ - HeightOf(layer)) / 2;
      for (size_t node : layer) {
        double height = HeightOf(node);
        boxes_[node] = {left + width / 2, top + height / 2, width};
        top += height + kRowGap;
      }
      left += width + kLayerGap;
    }
    width_ = std::max(left - kLayerGap + kMargin, 2 * kMargin);
  }

  // Curves from layer to layer, straight through those it passes.
  std::string DrawEdge(const GraphLayout::Edge& edge) const {
    const Box& from = boxes_[edge.nodes.front()];
    double x = from.x + from.width / 2;
    double y = from.y;
    std::string path = "M" + Number(x) + " " + Number(y);
    for (size_t i = 1; i < edge.nodes.size(); ++i) {
      const Box& box = boxes_[edge.nodes[i]];
      double next = box.x - box.width / 2;
      double bend = Middle(x, next);
      path += " C" + Number(bend) + " " + Number(y) + " " + Number(bend) + " " +
              Number(box.y) + " " + Number(next) + " " + Number(box.y);
      if (i + 1 < edge.nodes.size()) path += " h" + Number(box.width);
      x = box.x + box.width / 2;
      y = box.y;
    }
    return "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"" + path +
           "\"/>\n";
  }
  static double Middle(double a, double b) { return (a + b) / 2; }

  std::string DrawStep(size_t index) const {
    const Step& step = task_.steps[index];
    const Box& box = boxes_[index];
    std::string kind(tasks::file::KindName(step.kind));
    std::string middle = Number(box.x);
    return "<rect class=\"" + kind + "\" x=\"" + Number(box.x - box.width / 2) +
           "\" y=\"" + Number(box.y - kHeight / 2) + "\" width=\"" +
           Number(box.width) + "\" height=\"" + Number(kHeight) +
           "\" rx=\"6\"/>\n<text x=\"" + middle + "\" y=\"" +
           Number(box.y - 2) + "\">" + XmlText(step.id) +
           "</text>\n<text class=\"kind\" x=\"" + middle + "\" y=\"" +
           Number(box.y + 14) + "\">" + kind + "</text>\n";
  }

  const Task& task_;
  GraphLayout layout_;
  std::vector<Box> boxes_;  // of the nodes
  double width_ = 0;
  double height_ = 0;
};

}  // namespace

std::string GraphSvg(const Task& task) { return Drawing(task).Draw(); }

}  // namespace strake::cli
