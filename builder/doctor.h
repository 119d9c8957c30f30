// What can be done where strake runs: `strake doctor`.

#ifndef STRAKE_BUILDER_DOCTOR_H_
#define STRAKE_BUILDER_DOCTOR_H_

#include <cstdint>
#include <string>
#include <vector>

namespace strake::builder {

struct DoctorReport {
  struct Backend {
    std::string name;  // as `BuildOptions::isolation`
    bool works = false;
    std::string detail;  // how it works, or which step failed and with what
    std::string needs;   // what has to be allowed for it
  };
  // Best first: the first that works is what "auto" takes.
  std::vector<Backend> backends;
  std::string isolation = "auto";  // what is asked for
  uint32_t uid = 0;
  uint32_t gid = 0;

  // What a build takes. Null: "none" is asked for, or nothing that works.
  const Backend* Chosen() const;
};

// Tries every way to run a step, in child processes.
// REQUIRES: one thread, and `PrepareProcess` was not called.
//   isolation        as `BuildOptions::isolation`
//   store_directory  is not made; where it is missing, probes put their files
//                    into the nearest folder above it that is there, and into
//                    the system's temporary one if that one is not writable;
//                    empty: there is none
DoctorReport Examine(const std::string& isolation,
                     const std::string& store_directory);

// For people: a table, what a build takes, and what the faster ones need.
std::string DoctorText(const DoctorReport& report);
// {"uid", "gid", "isolation", "chosen", "backends": [{"name", "works",
// "detail", "needs"}]}
std::string DoctorJson(const DoctorReport& report);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_DOCTOR_H_
