#include "builder/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "builder/sandbox/backends.h"
#include "util/json.h"

namespace strake::builder {
namespace {

constexpr size_t kNameWidth = 15;

std::string Padded(std::string text) {
  text.resize(std::max(text.size() + 1, kNameWidth), ' ');
  return text;
}

std::string Row(const DoctorReport::Backend& backend) {
  std::string row = Padded(backend.name);
  row += backend.works ? "works" : "fails";
  if (!backend.detail.empty()) row += "  " + backend.detail;
  return row + "\n";
}

}  // namespace

const DoctorReport::Backend* DoctorReport::Chosen() const {
  auto found = std::ranges::find_if(backends, &Backend::works);
  return found == backends.end() ? nullptr : &*found;
}

DoctorReport Examine() {
  DoctorReport report;
  report.uid = ::geteuid();
  report.gid = ::getegid();
  for (sandbox::BackendReport& backend : sandbox::ProbeBackends()) {
    report.backends.push_back({.name = std::move(backend.name),
                               .works = backend.works,
                               .detail = std::move(backend.detail),
                               .needs = std::move(backend.needs)});
  }
  return report;
}

std::string DoctorText(const DoctorReport& report) {
  const DoctorReport::Backend* chosen = report.Chosen();
  std::string text = "Ways to run RUN steps as user " +
                     std::to_string(report.uid) + ":" +
                     std::to_string(report.gid) + ", best first:\n\n";
  std::string wishes;
  for (const DoctorReport::Backend& backend : report.backends) {
    text += "  " + Row(backend);
    if (&backend == chosen) break;
    wishes += "  " + Padded(backend.name) + backend.needs + "\n";
  }
  // Those that are not needed here, in the table all the same.
  if (chosen != nullptr) {
    for (const DoctorReport::Backend* backend = chosen + 1;
         backend != report.backends.data() + report.backends.size();
         ++backend) {
      text += "  " + Row(*backend);
    }
    text += "\nstrake takes " + chosen->name + ".\n";
  } else {
    text += "\nNone works: Dockerfiles without RUN can be built, others not.\n";
  }
  if (!wishes.empty()) {
    text += "\nWhat would have to be allowed for a better one:\n\n" + wishes;
  }
  return text;
}

std::string DoctorJson(const DoctorReport& report) {
  const DoctorReport::Backend* chosen = report.Chosen();
  nlohmann::json document;
  document["uid"] = report.uid;
  document["gid"] = report.gid;
  document["chosen"] = chosen != nullptr ? chosen->name : "none";
  document["backends"] = nlohmann::json::array();
  for (const DoctorReport::Backend& backend : report.backends) {
    document["backends"].push_back({{"name", backend.name},
                                    {"works", backend.works},
                                    {"detail", backend.detail},
                                    {"needs", backend.needs}});
  }
  return DumpJsonPretty(document) + "\n";
}

}  // namespace strake::builder
