#include "tasks/run/container_table.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::tasks::run {
namespace {

constexpr int kNotStarted = 125;

std::string NewId() {
  std::string id;
  while (id.size() < 64) id += RandomName("");
  return id.substr(0, 64);
}

bool HasStarted(ContainerInfo::State state) {
  return state != ContainerInfo::State::kCreated;
}

bool HasEnded(ContainerInfo::State state) {
  return state == ContainerInfo::State::kExited;
}

}  // namespace

struct ContainerTable::Container {
  ContainerRequest request;
  std::vector<std::unique_ptr<builder::PublishedPort>> ports;
  std::stop_source stop;
  std::thread thread;  // of those that were started, not run
  std::mutex joining;  // one joins `thread`, others wait for that
  mutable std::mutex mutex;
  std::condition_variable_any changed;
  ContainerInfo info;  // under `mutex`

  void Set(const std::function<void(ContainerInfo&)>& change) {
    std::lock_guard lock(mutex);
    change(info);
    changed.notify_all();
  }
  ContainerInfo Info() const {
    std::lock_guard lock(mutex);
    return info;
  }
  void Join() {
    std::lock_guard lock(joining);
    if (thread.joinable()) thread.join();
  }
};

ContainerTable::~ContainerTable() { StopAll(); }

Result<ContainerTable::Pointer> ContainerTable::Add(ContainerRequest request) {
  auto container = std::make_shared<Container>();
  ContainerInfo& info = container->info;
  info.id = NewId();
  if (request.name.empty()) request.name = "strake_" + info.id.substr(0, 12);
  info.name = request.name;
  info.image = request.image.empty() ? request.spec.image : request.image;
  info.args = request.spec.args;
  info.created = std::chrono::system_clock::now();
  info.log = request.log;
  info.ports = request.ports;
  const bool replace = request.replace;
  container->request = std::move(request);
  Pointer replaced;
  {
    auto all = all_.lock();
    auto known = std::ranges::find_if(*all, [&](const Pointer& other) {
      return other->request.name == info.name;
    });
    if (known != all->end()) {
      const bool ended = HasEnded((*known)->Info().state);
      if (!replace && !(ended && (*known)->request.remove)) {
        return InvalidArgument("the container name \"" + info.name +
                               "\" is already in use by container " +
                               (*known)->Info().id.substr(0, 12));
      }
      replaced = *known;
      all->erase(known);
    }
    all->push_back(container);
  }
  if (replaced) {
    replaced->stop.request_stop();
    WaitFor(*replaced, {}, HasEnded);
    replaced->Join();
  }
  return container;
}

void ContainerTable::Forget(const Pointer& container) {
  all_.lock()->remove(container);
}

Result<builder::ContainerEnd> ContainerTable::Execute(Container& container) {
  auto run = [&]() -> Result<builder::ContainerEnd> {
    ASSIGN_OR_RETURN(builder::Containers * containers, containers_.Get());
    for (const builder::PublishSpec& port : container.request.ports) {
      ASSIGN_OR_RETURN(auto published, containers->Publish(port));
      if (published) container.ports.push_back(std::move(published));
    }
    builder::ContainerSpec spec = container.request.spec;
    spec.on_started = [&container] {
      container.Set([](ContainerInfo& info) {
        info.state = ContainerInfo::State::kRunning;
      });
    };
    return containers->Run(spec, container.stop.get_token());
  };
  auto end = run();
  container.ports.clear();
  container.request.locks.clear();
  container.Set([&end](ContainerInfo& info) {
    info.exit_code = end ? end->ShellCode() : kNotStarted;
    if (!end && info.state == ContainerInfo::State::kCreated) {
      info.error = end.error().message();
    } else if (!end) {
      info.exit_code = 137;
    } else {
      info.error = end->not_executed;
    }
    info.state = ContainerInfo::State::kExited;
  });
  return end;
}

Result<builder::ContainerEnd> ContainerTable::Run(ContainerRequest request,
                                                  std::stop_token stop) {
  const bool remove = request.remove;
  ASSIGN_OR_RETURN(Pointer container, Add(std::move(request)));
  std::stop_callback forward(stop,
                             [&container] { container->stop.request_stop(); });
  auto end = Execute(*container);
  if (remove || !end) Forget(container);
  // Killed by `docker stop`, not by whoever waits: an end like others.
  if (!end && end.error().code() == ErrorCode::kCancelled &&
      !stop.stop_requested()) {
    return builder::ContainerEnd{.code = 0, .signal = 9};
  }
  return end;
}

void ContainerTable::WaitFor(Container& container, std::stop_token stop,
                             bool (*reached)(ContainerInfo::State)) {
  std::unique_lock lock(container.mutex);
  container.changed.wait(lock, stop,
                         [&] { return reached(container.info.state); });
}

Result<std::string> ContainerTable::Start(ContainerRequest request,
                                          std::stop_token stop) {
  ASSIGN_OR_RETURN(Pointer container, Add(std::move(request)));
  {
    // Others may stop it already, and join.
    std::lock_guard lock(container->joining);
    auto thread = StartThread([this, container] {
      // How it ended is in its `info`.
      (void)Execute(*container);
    });
    if (!thread) {
      container->Set([](ContainerInfo& info) {
        info.state = ContainerInfo::State::kExited;
      });
      Forget(container);
      return std::move(thread).error();
    }
    container->thread = *std::move(thread);
  }
  WaitFor(*container, stop, HasStarted);
  if (stop.stop_requested()) {
    container->stop.request_stop();
    container->Join();
    Forget(container);
    return Cancelled("container " + container->info.name + " was stopped");
  }
  const ContainerInfo info = container->Info();
  if (info.exit_code == kNotStarted && !info.error.empty()) {
    container->Join();
    Forget(container);
    return Error(ErrorCode::kCommandFailed, info.error);
  }
  return info.id;
}

Result<ContainerTable::Pointer> ContainerTable::Lookup(
    const std::string& name) const {
  auto all = all_.lock();
  for (const Pointer& container : *all) {
    if (container->request.name == name) return container;
  }
  for (const Pointer& container : *all) {
    if (name.size() >= 4 && container->info.id.starts_with(name)) {
      return container;
    }
  }
  return NotFound("No such container: " + name);
}

Result<ContainerInfo> ContainerTable::Find(const std::string& name) const {
  ASSIGN_OR_RETURN(Pointer container, Lookup(name));
  return container->Info();
}

std::vector<ContainerInfo> ContainerTable::List() const {
  std::vector<ContainerInfo> infos;
  // Named: a lock in the head of the loop would be let go before its first
  // round.
  auto all = all_.lock();
  for (const Pointer& container : *all) infos.push_back(container->Info());
  return infos;
}

Status ContainerTable::Stop(const std::string& name) {
  ASSIGN_OR_RETURN(Pointer container, Lookup(name));
  container->stop.request_stop();
  WaitFor(*container, {}, HasEnded);
  container->Join();
  return {};
}

Result<int> ContainerTable::Wait(const std::string& name,
                                 std::stop_token stop) {
  ASSIGN_OR_RETURN(Pointer container, Lookup(name));
  WaitFor(*container, stop, HasEnded);
  if (stop.stop_requested()) return Cancelled("interrupted");
  return container->Info().exit_code;
}

Status ContainerTable::Remove(const std::string& name, bool force) {
  ASSIGN_OR_RETURN(Pointer container, Lookup(name));
  if (!HasEnded(container->Info().state) && !force) {
    return InvalidArgument("container " + name +
                           " is running: stop it first, or use --force");
  }
  container->stop.request_stop();
  WaitFor(*container, {}, HasEnded);
  container->Join();
  Forget(container);
  return {};
}

void ContainerTable::StopAll() {
  std::list<Pointer> all;
  std::swap(all, *all_.lock());
  for (const Pointer& container : all) container->stop.request_stop();
  for (const Pointer& container : all) {
    WaitFor(*container, {}, HasEnded);
    container->Join();
  }
}

}  // namespace strake::tasks::run
