// What a server of tasks remembers: how many runs a second its queue takes, and
// how long lists of 10,000 tasks and 1,000,000 runs take.
//
// SQLite's file is in the temporary folder: a disk's syncs are what the queue's
// time goes into. PostgreSQL is measured where $STRAKE_BENCH_POSTGRES is the
// URL of an empty database, which is filled.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/scratch_directory.h"
#include "tasks/store/store.h"

namespace strake {
namespace {

using tasks::store::Connection;
using tasks::store::Database;
using tasks::store::Dialect;
using tasks::store::Outcome;
using tasks::store::Queue;
using tasks::store::RunFilter;
using tasks::store::RunState;
using tasks::store::Store;
using tasks::store::TaskRecord;

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

constexpr const char* kFillRuns =
    "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL "
    "SELECT i + 1 FROM n WHERE i < 1000000) "
    "INSERT INTO runs (number, id, task, status, kind, cause, platform, "
    "priority, queue_group, concurrency, created, available, started, "
    "finished, updated, attempts, max_attempts, request) "
    "SELECT i, 'r' || i, 't' || (i % 10000), "
    "CASE WHEN i % 50 = 0 THEN 'Failed' ELSE 'Succeeded' END, 'AutoRun', "
    "'{}', 'linux/amd64', 0, 't' || (i % 10000), 0, i * 1000, 0, i * 1000, "
    "i * 1000 + 500, i * 1000 + 500, 1, 3, 'x' FROM n";
constexpr const char* kFillImages =
    "INSERT INTO run_images (run, registry, repository, tag, digest) "
    "SELECT number, 'r.example.com', 'app' || (number % 1000), 'latest', "
    "'sha256:' || number FROM runs";

// A store of its own for each database and use.
class Opened {
 public:
  Opened(Dialect dialect, const std::string& name) {
    // One key: a database of PostgreSQL is opened more than once.
    static const bench::ScratchDirectory keys;
    options_.key_file = keys.path() + "/key";
    options_.database.address = directory_.path() + "/" + name + ".db";
    if (dialect == Dialect::kPostgres) {
      options_.database.address = std::getenv("STRAKE_BENCH_POSTGRES");
    }
    store_ = Must(Store::Open(options_));
  }
  Store& operator*() { return *store_; }

  // 10,000 tasks and 1,000,000 runs that have ended.
  void Fill() {
    auto database = Must(Database::Open(options_.database));
    Must(database->Write([](Connection& connection) -> Status {
      for (const char* sql :
           {"DELETE FROM runs", "DELETE FROM tasks", kFillRuns, kFillImages,
            "UPDATE counters SET value = 1000000", "ANALYZE"}) {
        auto done = connection.Execute(sql);
        if (!done) return done.error();
      }
      return {};
    }));
    for (int i = 0; i < 10000; ++i) {
      TaskRecord task;
      task.name = "t" + std::to_string(i);
      Must(store_->tasks().Create(task));
    }
  }

 private:
  bench::ScratchDirectory directory_;
  tasks::store::StoreOptions options_;
  std::unique_ptr<Store> store_;
};

bool Skipped(benchmark::State& state, Dialect dialect) {
  if (dialect == Dialect::kSqlite ||
      std::getenv("STRAKE_BENCH_POSTGRES") != nullptr) {
    return false;
  }
  state.SkipWithError("$STRAKE_BENCH_POSTGRES is not set");
  return true;
}

Store& Filled(Dialect dialect) {
  auto fill = [](Dialect which) {
    auto opened = std::make_unique<Opened>(which, "filled");
    opened->Fill();
    return opened;
  };
  if (dialect == Dialect::kSqlite) {
    static const std::unique_ptr<Opened> sqlite = fill(dialect);
    return **sqlite;
  }
  static const std::unique_ptr<Opened> postgres = fill(dialect);
  return **postgres;
}

// Queued, claimed, finished; by as many threads as there are.
void BM_StoreQueue(benchmark::State& state, Dialect dialect) {
  if (Skipped(state, dialect)) return;
  static std::unique_ptr<Opened> opened;
  if (state.thread_index() == 0) {
    opened = std::make_unique<Opened>(dialect, "queue");
  }
  for (auto _ : state) {
    Queue& queue = (**opened).queue();
    tasks::store::NewRun run;
    run.task = "t";
    run.request = "{}";
    Must(queue.Enqueue(run));
    auto claimed = Must(queue.Claim("w", std::chrono::seconds(60)));
    if (claimed) Must(queue.Finish(claimed->lease, Outcome()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_StoreQueue, sqlite, Dialect::kSqlite)
    ->Threads(1)
    ->Threads(4)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_StoreQueue, postgres, Dialect::kPostgres)
    ->Threads(1)
    ->Threads(4)
    ->UseRealTime();

void ListRuns(benchmark::State& state, Dialect dialect,
              const RunFilter& filter) {
  if (Skipped(state, dialect)) return;
  Store& store = Filled(dialect);
  for (auto _ : state) {
    auto runs = Must(store.runs().List(filter));
    if (runs.empty()) state.SkipWithError("nothing found");
  }
}

void BM_StoreListRuns(benchmark::State& state, Dialect dialect) {
  RunFilter filter;
  filter.limit = 100;
  ListRuns(state, dialect, filter);
}
void BM_StoreListOldRuns(benchmark::State& state, Dialect dialect) {
  RunFilter filter;
  filter.before = 500000;
  filter.limit = 100;
  ListRuns(state, dialect, filter);
}
void BM_StoreListRunsOfTask(benchmark::State& state, Dialect dialect) {
  RunFilter filter;
  filter.task = "t77";
  filter.limit = 100;
  ListRuns(state, dialect, filter);
}
void BM_StoreListFailedRuns(benchmark::State& state, Dialect dialect) {
  RunFilter filter;
  filter.state = RunState::kFailed;
  filter.limit = 100;
  ListRuns(state, dialect, filter);
}
void BM_StoreListRunsOfImage(benchmark::State& state, Dialect dialect) {
  RunFilter filter;
  filter.image.emplace();
  filter.image->repository = "app77";
  filter.image->tag = "latest";
  filter.limit = 100;
  ListRuns(state, dialect, filter);
}

// A page of tasks, each with its last run.
void BM_StoreListTasks(benchmark::State& state, Dialect dialect) {
  if (Skipped(state, dialect)) return;
  Store& store = Filled(dialect);
  for (auto _ : state) {
    for (const TaskRecord& task : Must(store.tasks().List({"t5", 100}))) {
      RunFilter filter;
      filter.task = task.name;
      filter.limit = 1;
      Must(store.runs().List(filter));
    }
  }
}

// How long a batch holds up those who write.
void BM_StorePruneBatch(benchmark::State& state, Dialect dialect) {
  if (Skipped(state, dialect)) return;
  Store& store = Filled(dialect);
  for (auto _ : state) {
    Must(
        store.runs().PruneRuns(tasks::run::Time(std::chrono::seconds(100000))));
  }
}

#define STRAKE_STORE_BENCHMARK(name)                    \
  BENCHMARK_CAPTURE(name, sqlite, Dialect::kSqlite)     \
      ->Unit(benchmark::kMillisecond)                   \
      ->UseRealTime();                                  \
  BENCHMARK_CAPTURE(name, postgres, Dialect::kPostgres) \
      ->Unit(benchmark::kMillisecond)                   \
      ->UseRealTime()

STRAKE_STORE_BENCHMARK(BM_StoreListRuns);
STRAKE_STORE_BENCHMARK(BM_StoreListOldRuns);
STRAKE_STORE_BENCHMARK(BM_StoreListRunsOfTask);
STRAKE_STORE_BENCHMARK(BM_StoreListFailedRuns);
STRAKE_STORE_BENCHMARK(BM_StoreListRunsOfImage);
STRAKE_STORE_BENCHMARK(BM_StoreListTasks);
STRAKE_STORE_BENCHMARK(BM_StorePruneBatch);

}  // namespace
}  // namespace strake
