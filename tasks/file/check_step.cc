#include "tasks/file/check_step.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

class Checker {
 public:
  Checker(const RawStep& raw, Problems& problems)
      : raw_(raw), step_(raw.step), problems_(problems) {}

  void Check() {
    Refuse(step_.id.empty(), "id", "step is missing an ID");
    Refuse(step_.retries < 0, "retries", "step must specify retries >= 0");
    Refuse(step_.repeat < 0, "repeat", "step must specify repeat >= 0");
    Refuse(Kinds() > 1, LastKind(),
           "step must only contain a single build, cmd, or push property");
    Refuse(HasSpace(step_.id), "id", "step ID cannot contain spaces");
    Refuse(Kinds() == 0, "", "step is missing a cmd, build, or push property");
    CheckMounts();
    CheckWhen();
    bool good_cache = raw_.cache.empty() ||
                      EqualsIgnoreCase(raw_.cache, "enabled") ||
                      EqualsIgnoreCase(raw_.cache, "disabled");
    Refuse(!good_cache, "cache",
           "invalid value for cache property. Valid values are 'enabled', "
           "'disabled'");
    CheckBeyond();
  }

 private:
  // At the property `key` of the step, or at the step itself.
  void Refuse(bool wrong, const std::string& key, const std::string& message) {
    if (!wrong) return;
    auto place = step_.places.find(key);
    problems_.Add(place == step_.places.end() ? step_.place : place->second,
                  message);
  }

  static bool HasSpace(const std::string& text) {
    return std::ranges::any_of(
        text, [](unsigned char c) { return std::isspace(c) != 0; });
  }

  int Kinds() const {
    return int{!step_.cmd.empty()} + int{!step_.build.empty()} +
           int{!step_.push.empty()};
  }
  // The one that is too many.
  std::string LastKind() const {
    std::string last;
    for (const char* key : {"cmd", "build", "push"}) {
      auto place = step_.places.find(key);
      if (place == step_.places.end()) continue;
      if (last.empty() || IsBefore(step_.places.at(last), place->second)) {
        last = key;
      }
    }
    return last;
  }
  static bool IsBefore(const Place& a, const Place& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  }

  void CheckMounts() {
    Refuse(!step_.volume_mounts.empty() && !step_.push.empty(), "volumeMounts",
           "invalid use of Mounts. Mounts must have unique container paths and "
           "only used for cmd or build steps");
    std::set<std::string> paths;
    for (const VolumeMount& mount : step_.volume_mounts) {
      if (mount.volume.empty() || mount.path.empty()) {
        problems_.Add(mount.place, "mount name or mount path is empty");
      } else if (!paths.insert(mount.path).second) {
        problems_.Add(mount.place,
                      "mount with duplicate container file path found");
      }
    }
  }

  void CheckWhen() {
    auto names = [&](const std::string& id) {
      return std::ranges::find(raw_.when, id) != raw_.when.end();
    };
    Refuse(raw_.when.size() > 1 && names("-"), "when",
           "step cannot contain other IDs in when if the immediate execution "
           "token is specified");
    for (const std::string& id : {step_.id, raw_.group}) {
      Refuse(!id.empty() && names(id), "when",
             "Step ID: " + id + " is self-referenced");
    }
  }

  // What only strake's own version knows.
  void CheckBeyond() {
    bool is_cmd = !step_.cmd.empty();
    Refuse(step_.outputs && !is_cmd, "outputs", "only cmd steps have outputs");
    Refuse(!step_.caches.empty() && !is_cmd, "cache",
           "a list of caches is for cmd steps; a build step has 'enabled' or "
           "'disabled'");
    Refuse(!step_.matrix.empty() && raw_.group.find("{{") != std::string::npos,
           "id",
           "the values of a matrix are added to the ID; it cannot have "
           "templates of its own");
    for (const StepCache& cache : step_.caches) {
      if (cache.paths.empty()) {
        problems_.Add(cache.place, "a cache needs paths");
      }
      for (const std::string& path : cache.paths) {
        if (path.starts_with('/')) continue;
        problems_.Add(cache.place,
                      "the path \"" + path + "\" of a cache is not absolute");
      }
    }
  }

  const RawStep& raw_;
  const Step& step_;
  Problems& problems_;
};

}  // namespace

void CheckStep(const RawStep& raw, Problems& problems) {
  Checker(raw, problems).Check();
}

}  // namespace strake::tasks::file
