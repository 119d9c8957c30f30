// syscall_cases CASE: what a program can see of system calls that have to be
// answered to the letter, one case a function; see notify_calls_test.cc, which
// says what each prints.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

void Say(const char* what, long value) {
  std::printf("%s %ld\n", what, value);
  std::fflush(stdout);
}

int Fork(void (*child)()) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  child();
  std::fflush(stdout);
  _exit(0);
}

sockaddr_un Address(const std::string& path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

const sockaddr* Generic(const sockaddr_un& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

int BoundSocket(int type, const std::string& path) {
  const int fd = socket(AF_UNIX, type, 0);
  const sockaddr_un name = Address(path);
  if (bind(fd, Generic(name), sizeof(name)) != 0) Say("bind", errno);
  if (type == SOCK_STREAM) listen(fd, 8);
  return fd;
}

// The first process is the reaper's child, that the supervisor's.
std::string Supervisor() {
  std::ifstream file("/proc/" + std::to_string(getppid()) + "/stat");
  std::string text;
  std::getline(file, text);
  std::string parent = text.substr(text.rfind(')') + 4);
  return parent.substr(0, parent.find(' '));
}

long DescriptorsOfSupervisor() {
  long count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           "/proc/" + Supervisor() + "/fd", error)) {
    (void)entry;
    ++count;
  }
  return count;
}

// A lock goes with the last descriptor of its file.
void Locks() {
  long held = 0;
  for (int i = 0; i < 3000; ++i) {
    const int fd = open("/lock", O_RDWR | O_CREAT, 0600);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) ++held;
    close(fd);
  }
  Say("held", held);
}

// A FIFO is at its end once its writer has closed it.
void FifoEnds() {
  mkfifo("/fifo", 0600);
  long open_yet = 0;
  for (int i = 0; i < 200; ++i) {
    const int reader = open("/fifo", O_RDONLY | O_NONBLOCK);
    const int writer = open("/fifo", O_WRONLY | O_NONBLOCK);
    close(writer);
    char byte = 0;
    if (read(reader, &byte, 1) != 0) ++open_yet;
    close(reader);
    if (open("/fifo", O_WRONLY | O_NONBLOCK) >= 0) ++open_yet;
  }
  Say("open yet", open_yet);
}

void Nothing() {}

void ExecuteInMemory() {
  const int from = open("/proc/self/exe", O_RDONLY);
  const int to = memfd_create("program", MFD_CLOEXEC);
  char buffer[65536];
  ssize_t n = 0;
  while ((n = read(from, buffer, sizeof(buffer))) > 0) {
    if (write(to, buffer, static_cast<size_t>(n)) != n) _exit(1);
  }
  const char* argv[] = {"program", "nothing", nullptr};
  char* const none[] = {nullptr};
  fexecve(to, const_cast<char* const*>(argv), none);
  _exit(2);
}

// Programs in memory are executed and forgotten.
void ProgramsInMemory() {
  const long before = DescriptorsOfSupervisor();
  long failed = 0;
  for (int i = 0; i < 30; ++i) {
    int status = 0;
    waitpid(Fork(ExecuteInMemory), &status, 0);
    if (status != 0) ++failed;
  }
  Say("failed", failed);
  Say("kept", DescriptorsOfSupervisor() - before > 10 ? 1 : 0);
}

// Sockets that were connected to are forgotten, too.
void Connections() {
  const int server = BoundSocket(SOCK_STREAM, "/socket");
  const sockaddr_un name = Address("/socket");
  const long before = DescriptorsOfSupervisor();
  long failed = 0;
  for (int i = 0; i < 100; ++i) {
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(client, Generic(name), sizeof(name)) != 0) ++failed;
    close(accept(server, nullptr, nullptr));
    close(client);
  }
  Say("failed", failed);
  Say("kept", DescriptorsOfSupervisor() - before > 10 ? 1 : 0);
}

struct Case {
  const char* name;
  void (*run)();
};
constexpr Case kCases[] = {
    {"locks", Locks},
    {"fifo-ends", FifoEnds},
    {"nothing", Nothing},
    {"programs-in-memory", ProgramsInMemory},
    {"connections", Connections},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Case& it : kCases) {
    if (argc != 2 || std::strcmp(argv[1], it.name) != 0) continue;
    it.run();
    return 0;
  }
  return 125;
}
