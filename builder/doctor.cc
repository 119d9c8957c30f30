#include "builder/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
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

// Where a build with that store would have its scratch directories.
std::string ScratchFor(const std::string& store_directory) {
  if (store_directory.empty()) return {};
  std::filesystem::path place(store_directory + "/tmp");
  std::error_code error;
  while (!std::filesystem::is_directory(place, error) &&
         place != place.parent_path()) {
    place = place.parent_path();
  }
  return ::access(place.c_str(), W_OK) == 0 ? place.string() : std::string();
}

// "strake takes notify.", or why nothing is taken.
std::string Decision(const DoctorReport& report) {
  const DoctorReport::Backend* chosen = report.Chosen();
  const std::string wish = "isolation " + report.isolation + " is asked for";
  if (report.isolation == "auto") {
    if (chosen != nullptr) return "strake takes " + chosen->name + ".";
    return "None works: Dockerfiles without RUN can be built, others not.";
  }
  if (chosen != nullptr)
    return "strake takes " + chosen->name + ": " + wish + ".";
  if (report.isolation == "none") return "RUN is an error: " + wish + ".";
  return "Nothing can be built: " + wish + ", and fails.";
}

}  // namespace

const DoctorReport::Backend* DoctorReport::Chosen() const {
  auto found = std::ranges::find_if(backends, [&](const Backend& backend) {
    return backend.works && (isolation == "auto" || isolation == backend.name);
  });
  return found == backends.end() ? nullptr : &*found;
}

DoctorReport Examine(const std::string& isolation,
                     const std::string& store_directory) {
  DoctorReport report;
  report.isolation = isolation;
  report.uid = ::geteuid();
  report.gid = ::getegid();
  for (sandbox::BackendReport& backend :
       sandbox::ProbeBackends(ScratchFor(store_directory))) {
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
    if (backend.works) continue;
    wishes += "  " + Padded(backend.name) + backend.needs + "\n";
  }
  // Those that are not needed here, in the table all the same.
  if (chosen != nullptr) {
    for (const DoctorReport::Backend* backend = chosen + 1;
         backend != report.backends.data() + report.backends.size();
         ++backend) {
      text += "  " + Row(*backend);
    }
  }
  text += "\n" + Decision(report) + "\n";
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
  document["isolation"] = report.isolation;
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
