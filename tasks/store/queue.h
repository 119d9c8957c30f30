// Runs that wait, and the workers that take them. Any number of processes, on
// any machines, may share one queue. Thread-safe; borrows what it stands on.
//
// A worker claims a run for a time, its lease, and renews it while at work. A
// run whose worker is silent for longer goes back to the queue, or ends as
// Error where it has had its attempts. Each claim has a token of its own, and
// only who holds the newest may change the run: who comes back too late has
// lost it. So that no run is at work twice at once, a worker stops its run by
// its own (steady) clock where a lease has passed without being renewed.

#ifndef STRAKE_TASKS_STORE_QUEUE_H_
#define STRAKE_TASKS_STORE_QUEUE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/run/run_record.h"
#include "tasks/store/database.h"
#include "tasks/store/run_cause.h"
#include "tasks/store/secret_box.h"
#include "tasks/store/stored_run.h"
#include "util/result.h"

namespace strake::tasks::store {

struct NewRun {
  std::string task;              // empty: of none that is registered
  std::string kind = "AutoRun";  // "QuickBuild", "QuickRun", "AutoBuild", ...
  RunCause cause;
  std::string platform = "linux/amd64";
  // What to run, as its worker will understand it; sealed as a whole, for it
  // may have secrets.
  std::string request;
  int64_t priority = 0;      // greater ones first, then older ones
  int64_t max_attempts = 3;  // from 1
  int64_t concurrency = 0;   // runs of the task at work at once; 0: any number

  // What has happened, once: "commit:<task>:<sha>",
  // "timer:<task>:<name>:<occurrence>", "image:<task>:<digest>". A second run
  // for the same is not queued. Empty: none.
  std::string event;
  // Runs that replace each other; empty: those of the task.
  std::string group;
  // A run of the group that still waits becomes this one.
  bool coalesce = false;
  // Runs of the group that wait are cancelled; those at work are asked to end.
  bool cancel_superseded = false;
};

enum class EnqueueResult {
  kQueued,
  kCoalesced,  // a waiting run now stands for this one too
  kDuplicate,  // the event had its run before
};

struct Enqueued {
  EnqueueResult result = EnqueueResult::kQueued;
  std::string run_id;                   // that the event leads to
  std::vector<std::string> superseded;  // ids of runs cancelled, or to be
};

// The right to change a run.
struct Lease {
  int64_t run_number = 0;
  std::string run_id;
  int64_t token = 0;
};

struct ClaimedRun {
  Lease lease;
  StoredRun run;
  std::string request;
};

struct Renewed {
  bool held = false;  // false: the run is another's now, or over; stop
  bool cancel = false;
};

struct Outcome {
  RunState state = RunState::kSucceeded;  // one that is an end
  std::string error;
  std::string record;                  // the run's `run.json`
  std::vector<run::ImageName> images;  // pushed
  // Of a successful run: its task's from now on.
  std::vector<run::ImageDependencies> dependencies;
};

enum class RetryResult { kQueued, kNoneLeft, kLost };

// A run that ended without its worker's doing.
struct Expired {
  std::string run_id;
  RunState state = RunState::kQueued;  // kQueued: to be tried again
};

class Queue {
 public:
  Queue(Database& database, const SecretBox& secrets)
      : database_(database), secrets_(secrets) {}

  // In one transaction: the event noted, and its run queued.
  Result<Enqueued> Enqueue(const NewRun& run);

  // The run to do next, or nothing.
  //   worker  who asks, for people to read: "host:pid"
  Result<std::optional<ClaimedRun>> Claim(const std::string& worker,
                                          std::chrono::milliseconds lease);
  // Prolongs a lease from now on.
  Result<Renewed> Renew(const Lease& lease, std::chrono::milliseconds duration);
  // Ends the run; false where the lease is lost.
  Result<bool> Finish(const Lease& lease, const Outcome& outcome);
  // For failures that are not the run's (a registry out of reach, the machine
  // going down): queued again, to be claimed after `delay` at the earliest;
  // ended as Error where it has had its attempts.
  Result<RetryResult> Retry(const Lease& lease, const std::string& error,
                            std::chrono::milliseconds delay);

  // A run that waits is ended as Canceled; the worker of one at work is asked
  // to end it. The state that it has then; `kNotFound`.
  Result<RunState> Cancel(const std::string& run_id);

  // Takes runs from workers that have fallen silent; called now and then by
  // everybody who claims.
  Result<std::vector<Expired>> ExpireLeases();

 private:
  Database& database_;
  const SecretBox& secrets_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_QUEUE_H_
