// The containers of a run by their names, as `docker ps`, `stop`, `rm`, `logs`
// and `inspect` know them. They live in threads of this process, and none of
// them longer than the table.

#ifndef STRAKE_TASKS_RUN_CONTAINER_TABLE_H_
#define STRAKE_TASKS_RUN_CONTAINER_TABLE_H_

#include <condition_variable>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "builder/containers.h"
#include "tasks/run/lazy_containers.h"
#include "tasks/run/run_record.h"
#include "util/atomic_file.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::tasks::run {

struct ContainerInfo {
  std::string id;  // 64 hexadecimal digits
  std::string name;
  std::string image;
  std::vector<std::string> args;
  Time created;
  enum class State { kCreated, kRunning, kExited };
  State state = State::kCreated;
  int exit_code = 0;  // kExited: as a shell shows it
  std::string error;  // why it could not be started or executed, if so
  std::string log;    // path of the file with its output
  std::vector<builder::PublishSpec> ports;
};

struct ContainerRequest {
  std::string name;  // empty: a made-up one
  builder::ContainerSpec spec;
  std::string image;  // as it is shown; empty: that of `spec`
  std::vector<builder::PublishSpec> ports;
  // `--rm`: forgotten when it has ended; one that was started keeps its log
  // until its name is used again.
  bool remove = true;
  // A container of that name makes room for this one: it is a step's earlier
  // attempt or round.
  bool replace = false;
  std::string log;  // path of the file that its output is told to be in
  std::vector<FileLock> locks;  // held until it has ended
};

// Thread-safe.
class ContainerTable {
 public:
  // `containers` is borrowed.
  explicit ContainerTable(LazyContainers& containers)
      : containers_(containers) {}
  ContainerTable(const ContainerTable&) = delete;
  ContainerTable& operator=(const ContainerTable&) = delete;
  // Stops all.
  ~ContainerTable();

  // Runs a container to its end; `stop` kills it. `kInvalidArgument`: its name
  // is taken.
  Result<builder::ContainerEnd> Run(ContainerRequest request,
                                    std::stop_token stop);
  // The same, but returns the container's id once its program runs, or could
  // not be executed. What the request borrows has to stay until it has ended.
  Result<std::string> Start(ContainerRequest request, std::stop_token stop);

  // By name, id, or the beginning of an id. `kNotFound`: "No such container".
  Result<ContainerInfo> Find(const std::string& name) const;
  std::vector<ContainerInfo> List() const;
  // Kills it and waits until all of its processes are gone; one that has ended
  // is fine.
  Status Stop(const std::string& name);
  // Its status once it has ended.
  Result<int> Wait(const std::string& name, std::stop_token stop);
  // Forgets a container. `kInvalidArgument`: it is running, and not `force`.
  Status Remove(const std::string& name, bool force);
  // Every one.
  void StopAll();

 private:
  struct Container;
  using Pointer = std::shared_ptr<Container>;
  Result<Pointer> Add(ContainerRequest request);
  Result<Pointer> Lookup(const std::string& name) const;
  void Forget(const Pointer& container);
  Result<builder::ContainerEnd> Execute(Container& container);
  static void WaitFor(Container& container, std::stop_token stop,
                      bool (*reached)(ContainerInfo::State));

  LazyContainers& containers_;
  mutable Guarded<std::list<Pointer>> all_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_CONTAINER_TABLE_H_
