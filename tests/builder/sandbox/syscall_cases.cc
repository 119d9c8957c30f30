// syscall_cases CASE: what a program can see of system calls that have to be
// answered to the letter, one case a function; see notify_calls_test.cc, which
// says what each prints.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

// A signal handler that makes many other calls; what it interrupted goes on.
void OnAlarm(int) {
  for (int i = 0; i < 400; ++i) {
    if (chdir("/tmp") != 0 || chdir("/") != 0) _exit(3);
  }
}

void ReadFromFifo() {
  struct sigaction action = {};
  action.sa_handler = OnAlarm;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const int reader = open("/fifo", O_RDONLY);
  char text[16] = {};
  if (read(reader, text, sizeof(text) - 1) < 0) Say("read", errno);
  std::printf("read %s\n", text);
}

// A call that a signal interrupts is started again as it was.
void BlockedOpen() {
  mkfifo("/fifo", 0600);
  const pid_t reader = Fork(ReadFromFifo);
  usleep(200000);
  kill(reader, SIGALRM);
  usleep(200000);
  const int writer = open("/fifo", O_WRONLY);
  if (write(writer, "right", 5) != 5) Say("write", errno);
  close(writer);
  int status = 0;
  waitpid(reader, &status, 0);
  Say("status", status);
}

std::string Received(int fd, sockaddr_un* from = nullptr) {
  char text[64] = {};
  socklen_t size = sizeof(sockaddr_un);
  const ssize_t n = recvfrom(fd, text, sizeof(text) - 1, MSG_DONTWAIT,
                             reinterpret_cast<sockaddr*>(from),
                             from == nullptr ? nullptr : &size);
  return n < 0 ? "nothing" : text;
}

// Messages go to where they are addressed, one or many at a time.
void Messages() {
  const int inbox = BoundSocket(SOCK_DGRAM, "/inbox");
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un name = Address("/inbox");
  char one[] = "one";
  char more[] = "more";
  iovec parts[] = {{one, 3}, {more, 4}};
  msghdr header = {};
  header.msg_name = &name;
  header.msg_namelen = sizeof(name);
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  Say("sent", sendmsg(fd, &header, 0));
  mmsghdr many[2] = {};
  for (int i = 0; i < 2; ++i) {
    many[i].msg_hdr = header;
    many[i].msg_hdr.msg_iovlen = static_cast<size_t>(i) + 1;
  }
  unsigned done = 0;
  while (done < 2) {
    const int n = sendmmsg(fd, many + done, 2 - done, 0);
    if (n <= 0) break;
    done += static_cast<unsigned>(n);
  }
  Say("messages", done);
  Say("first", many[0].msg_len);
  Say("second", many[1].msg_len);
  for (int i = 0; i < 3; ++i) {
    std::printf("received %s\n", Received(inbox).c_str());
  }
}

std::string NameOf(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_un name = {};
  socklen_t size = sizeof(name);
  if (ask(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return "?";
  return std::string(name.sun_path, strnlen(name.sun_path, 108));
}

// Sockets are called what their programs called them, however long.
void SocketNames() {
  const std::string long_name(107, 'n');
  for (const std::string& path : {std::string("/tmp/s"), long_name}) {
    BoundSocket(SOCK_STREAM, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un name = Address(path);
    if (connect(fd, Generic(name), sizeof(name)) != 0) Say("connect", errno);
    Say("peer", NameOf(fd, getpeername) == path);
    Say("there", access(path.c_str(), F_OK) == 0);
  }
  const int server = BoundSocket(SOCK_DGRAM, "/server");
  const int client = BoundSocket(SOCK_DGRAM, "/client");
  Say("own", NameOf(client, getsockname) == "/client");
  const sockaddr_un name = Address("/server");
  sendto(client, "ask", 3, 0, Generic(name), sizeof(name));
  sockaddr_un from = {};
  Received(server, &from);
  sendto(server, "answer", 6, 0, Generic(from), sizeof(from));
  std::printf("%s\n", Received(client).c_str());
}

void ConnectAsUser() {
  if (setgid(33) != 0 || setuid(34) != 0) _exit(1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un name = Address("/socket");
  if (connect(fd, Generic(name), sizeof(name)) != 0) _exit(2);
  char byte = 0;
  if (read(fd, &byte, 1) != 0) _exit(3);
}

// A server is told who its client is.
void PeerCredentials() {
  umask(0);
  const int server = BoundSocket(SOCK_STREAM, "/socket");
  const pid_t child = Fork(ConnectAsUser);
  const int fd = accept(server, nullptr, nullptr);
  ucred peer = {};
  socklen_t size = sizeof(peer);
  Say("result", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  Say("process", peer.pid == child);
  Say("user", peer.uid);
  Say("group", peer.gid);
  close(fd);
  waitpid(child, nullptr, 0);
}

void ChangeDirectories() {
  while (chdir("/tmp") == 0 && chdir("/") == 0) {
  }
}

char StateOf(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t end = text.rfind(')');
  return end == std::string::npos ? '?' : text[end + 2];
}

// Whether it stops and stays so; a tracer's stops in between are short.
bool StaysStopped(pid_t process) {
  int stopped = 0;
  for (int looks = 0; looks < 1000 && stopped < 10; ++looks) {
    const char state = StateOf(process);
    stopped = state == 'T' || state == 't' ? stopped + 1 : 0;
    usleep(1000);
  }
  return stopped == 10;
}

// SIGSTOP stops, whatever the process is in the middle of.
void Stops() {
  const pid_t busy = Fork(ChangeDirectories);
  long lost = 0;
  for (int i = 0; i < 40; ++i) {
    kill(busy, SIGSTOP);
    if (!StaysStopped(busy)) ++lost;
    kill(busy, SIGCONT);
    usleep(500);
  }
  kill(busy, SIGKILL);
  waitpid(busy, nullptr, 0);
  Say("lost", lost);
}

void TellError(const char* what, long result) {
  Say(what, result < 0 ? errno : 0);
}

// Flags that do not exist are refused.
void UnknownFlags() {
  close(open("/file", O_CREAT | O_WRONLY, 0600));
  struct stat status {};
  struct statx extended {};
  TellError("utimensat", syscall(SYS_utimensat, AT_FDCWD, "/file", nullptr, 4));
  TellError("faccessat2", syscall(439, AT_FDCWD, "/file", 0, 4));
  TellError("newfstatat",
            syscall(SYS_newfstatat, AT_FDCWD, "/file", &status, 4));
  TellError("statx", syscall(SYS_statx, AT_FDCWD, "/file", 4, 0, &extended));
  TellError("both",
            syscall(SYS_statx, AT_FDCWD, "/file", 0x6000, 0, &extended));
}

void MakeDevice() { Say("made", mknod("/tmp/null", S_IFCHR | 0600, 0x103)); }

// A directory says what is a device.
void FindDevice() {
  DIR* directory = opendir("/tmp");
  while (const dirent* entry = readdir(directory)) {
    if (std::string(entry->d_name) == "null") Say("type", entry->d_type);
  }
  closedir(directory);
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
    {"blocked-open", BlockedOpen},
    {"messages", Messages},
    {"socket-names", SocketNames},
    {"peer-credentials", PeerCredentials},
    {"stops", Stops},
    {"unknown-flags", UnknownFlags},
    {"make-device", MakeDevice},
    {"find-device", FindDevice},
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
