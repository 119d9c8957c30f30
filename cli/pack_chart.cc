#include "cli/pack_chart.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "cli/xml_text.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::PackResult;

constexpr double kWidth = 760;
constexpr double kHeight = 480;
constexpr double kLeft = 80;
constexpr double kRight = 30;
constexpr double kTop = 50;
constexpr double kBottom = 60;

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// As short as it can be said: "0.5", "20".
std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string_view Colour(const std::string& form) {
  if (form == "gzip") return "#1f6fb4";
  if (form == "zstd") return "#c2571a";
  if (form == "estargz") return "#2c8a4b";
  return "#666666";
}

double SecondsOf(const PackResult& result) {
  constexpr double kLeast = 1e-6;  // a logarithm needs something
  return std::max(kLeast,
                  std::chrono::duration<double>(result.packed.wall).count());
}

double MegabytesOf(const PackResult& result) {
  return static_cast<double>(result.packed.layer.descriptor.size_bytes) / 1e6;
}

class Chart {
 public:
  explicit Chart(const PackReport& report) : report_(report) {
    for (const PackResult& result : report.results) {
      double time = std::log10(SecondsOf(result));
      least_time_ = std::min(least_time_, time);
      most_time_ = std::max(most_time_, time);
      most_size_ = std::max(most_size_, MegabytesOf(result));
    }
    const double margin = std::max(0.05, (most_time_ - least_time_) / 20);
    least_time_ -= margin;
    most_time_ += margin;
    most_size_ = std::max(most_size_ * 1.05, 1e-6);
  }

  std::string Draw() {
    Open();
    TimeAxis();
    SizeAxis();
    Front();
    for (const PackResult& result : report_.results) Point(result);
    svg_ += "</svg>\n";
    return std::move(svg_);
  }

 private:
  double X(double log_time) const {
    return kLeft + (log_time - least_time_) / (most_time_ - least_time_) *
                       (kWidth - kLeft - kRight);
  }
  double X(const PackResult& result) const {
    return X(std::log10(SecondsOf(result)));
  }
  double Y(double megabytes) const {
    return kHeight - kBottom -
           megabytes / most_size_ * (kHeight - kTop - kBottom);
  }

  void Open() {
    svg_ += "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
            Short(kWidth) + "\" height=\"" + Short(kHeight) +
            "\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    Text(kLeft, 24, "start",
         "Layer of " + report_.input + " (" + report_.description +
             "): size by time; the line joins what nothing beats in both");
    Text((kLeft + kWidth - kRight) / 2, kHeight - 16, "middle",
         "seconds (logarithmic)");
    Text(kLeft - 60, kTop - 10, "start", "MB");
  }

  void Text(double x, double y, std::string_view anchor,
            std::string_view text) {
    svg_ += "<text x=\"" + Number(x) + "\" y=\"" + Number(y) +
            "\" text-anchor=\"" + std::string(anchor) + "\">" + XmlText(text) +
            "</text>\n";
  }

  void Line(double x1, double y1, double x2, double y2) {
    svg_ += "<line x1=\"" + Number(x1) + "\" y1=\"" + Number(y1) + "\" x2=\"" +
            Number(x2) + "\" y2=\"" + Number(y2) + "\" stroke=\"#dddddd\"/>\n";
  }

  // Marks at 1, 2 and 5 of each power of ten.
  void TimeAxis() {
    const int first = static_cast<int>(std::floor(least_time_));
    for (int power = first; power <= most_time_; ++power) {
      for (double digit : {1.0, 2.0, 5.0}) {
        const double seconds = digit * std::pow(10.0, power);
        const double time = std::log10(seconds);
        if (time < least_time_ || time > most_time_) continue;
        Line(X(time), kTop, X(time), kHeight - kBottom);
        Text(X(time), kHeight - kBottom + 18, "middle", Short(seconds));
      }
    }
  }

  void SizeAxis() {
    constexpr double kMarks = 6;
    double step = std::pow(10.0, std::floor(std::log10(most_size_ / kMarks)));
    for (double factor : {2.0, 2.5, 2.0}) {
      if (most_size_ / step > kMarks) step *= factor;
    }
    for (double size = 0; size <= most_size_; size += step) {
      Line(kLeft, Y(size), kWidth - kRight, Y(size));
      Text(kLeft - 8, Y(size) + 4, "end", Short(size));
    }
  }

  void Front() {
    std::vector<const PackResult*> front;
    for (const PackResult& result : report_.results) {
      if (result.on_front) front.push_back(&result);
    }
    std::ranges::sort(front, {}, [](const PackResult* r) {
      return std::pair(r->packed.wall, MegabytesOf(*r));
    });
    std::vector<std::string> points;
    for (const PackResult* result : front) {
      points.push_back(Number(X(*result)) + "," +
                       Number(Y(MegabytesOf(*result))));
    }
    svg_ += "<polyline points=\"" + Join(points, " ") +
            "\" fill=\"none\" stroke=\"#999999\" stroke-dasharray=\"4 3\"/>\n";
  }

  void Point(const PackResult& result) {
    const std::string form = PackFormName(result.form);
    const int level = result.form.compression.level;
    std::string label = form + (level < 0 ? "" : " " + std::to_string(level));
    const double x = X(result);
    const double y = Y(MegabytesOf(result));
    svg_ +=
        "<circle cx=\"" + Number(x) + "\" cy=\"" + Number(y) + "\" r=\"" +
        (result.on_front ? "5" : "3") + "\" fill=\"" +
        std::string(Colour(form)) + "\"><title>" +
        XmlText(label + ", " + std::to_string(result.form.compression.threads) +
                " threads: " + Short(SecondsOf(result)) + " s, " +
                Short(MegabytesOf(result)) + " MB") +
        "</title></circle>\n";
    const bool at_right_edge = x > kWidth - kRight - 80;
    Text(at_right_edge ? x - 8 : x + 8, y - 6, at_right_edge ? "end" : "start",
         label);
  }

  const PackReport& report_;
  double least_time_ = HUGE_VAL;
  double most_time_ = -HUGE_VAL;
  double most_size_ = 0;
  std::string svg_;
};

}  // namespace

std::string PackChart(const PackReport& report) { return Chart(report).Draw(); }

}  // namespace strake::cli
